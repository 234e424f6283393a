import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { ExecutorState } from '../../gen/gilliam/v1/executor';
import type { RegistryPeer } from '../../gen/gilliam/v1/session_service';
import type { CacheReader } from '../../reconcile/cache';
import type { Executor } from '../../resource/objects';

/**
 * Each change goes to every executor, and names all of them: a thousand that join within a few seconds are told together.
 */
const gatherMs = { least: 50, perPeer: 2 } as const;

/**
 * The nodes of the service registry: those of all executors that have one and are not lost. A value: another list
 * whenever something in it is different, and the same otherwise.
 */
export class RegistryPeers implements Disposable {
  readonly #cache: Pick<CacheReader<Executor>, 'list'>;
  readonly #subscription: Disposable;
  #list: readonly RegistryPeer[] = [];
  #stale = true;
  #timer: Disposable | undefined;

  /** `onChange` is called a moment after changes. */
  constructor(cache: Pick<CacheReader<Executor>, 'list' | 'onChange'>, clock: Clock, onChange: () => void) {
    this.#cache = cache;
    this.#subscription = cache.onChange((_key, after, before) => {
      // Of most changes of an executor none is of interest here.
      if (addressOf(after) === addressOf(before)) return;
      this.#stale = true;
      this.#timer ??= clock.after(gatherMs.least + gatherMs.perPeer * this.#list.length, () => {
        this.#timer = undefined;
        onChange();
      });
    });
  }

  get list(): readonly RegistryPeer[] {
    if (this.#stale) {
      this.#stale = false;
      this.#list = this.#cache.list().flatMap((executor) => {
        const address = addressOf(executor);
        return address === undefined ? [] : [{ name: executor.metadata.name, address }];
      });
    }
    return this.#list;
  }

  dispose(): void {
    this.#timer?.dispose();
    this.#subscription.dispose();
  }
}

function addressOf(executor: Executor | undefined): string | undefined {
  if (!executor || executor.status.state === ExecutorState.LOST) return undefined;
  return executor.status.registryAddress || undefined;
}
