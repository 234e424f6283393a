import type { Disposable } from '../../base/disposable';
import { NotFoundError } from '../../base/errors';
import type { CacheReader } from '../../reconcile/cache';
import { volumes, type Volume } from '../../resource/objects';
import type { ApiContext } from '../api-context';
import { retryConflicts } from '../retry';

const none: readonly Volume[] = [];

/**
 * The volumes that each executor is to delete, in step with the cache. Values: another list whenever something in it is
 * different, and the same otherwise.
 */
export class VolumeDeletions implements Disposable {
  readonly #byExecutor = new Map<string, readonly Volume[]>();
  readonly #subscription: Disposable;

  /** `onChange` is told whose list is another. */
  constructor(cache: Pick<CacheReader<Volume>, 'list' | 'onChange'>, onChange: (executor: string) => void) {
    for (const volume of cache.list()) this.#put(volume);
    this.#subscription = cache.onChange((_key, after, before) => {
      const removed = before?.metadata.deleted ? this.#take(before) : false;
      const added = after?.metadata.deleted ? this.#put(after) : false;
      if (removed || added) onChange((after ?? before)?.spec.executor ?? '');
    });
  }

  of(executor: string): readonly Volume[] {
    return this.#byExecutor.get(executor) ?? none;
  }

  dispose(): void {
    this.#subscription.dispose();
  }

  #put(volume: Volume): boolean {
    if (!volume.metadata.deleted) return false;
    const { executor } = volume.spec;
    this.#byExecutor.set(executor, [...this.of(executor), volume]);
    return true;
  }

  #take({ metadata, spec }: Volume): boolean {
    const left = this.of(spec.executor).filter((other) => other.metadata.uid !== metadata.uid);
    if (left.length === 0) this.#byExecutor.delete(spec.executor);
    else this.#byExecutor.set(spec.executor, left);
    return true;
  }
}

/** Forgets the volumes that the executor says it has deleted, if it was asked to. */
export async function forgetVolumes(
  context: Pick<ApiContext, 'store' | 'caches' | 'clock' | 'random'>,
  executor: string,
  uids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { store, caches } = context;
  const said = new Set(uids);
  const found = caches
    .of(volumes)
    .list()
    .filter(({ metadata }) => said.has(metadata.uid));
  for (const { metadata } of found) {
    const key = { formation: metadata.formation, name: metadata.name };
    const attempt = async () => {
      const now = await store.get(volumes, key, signal);
      const asked =
        now?.metadata.uid === metadata.uid && now.metadata.deleted && now.spec.executor === executor;
      if (!asked) return;
      await store.commit([{ op: 'delete', kind: volumes, key, revision: now.metadata.revision }], [], signal);
    };
    await retryConflicts(context, attempt, signal).catch((error: unknown) => {
      // Somebody else has forgotten it meanwhile.
      if (!(error instanceof NotFoundError)) throw error;
    });
  }
}
