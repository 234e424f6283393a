import { setMaxListeners } from 'node:events';
import { backoffMs } from '../base/backoff';
import { deadline, sleep } from '../base/clock';
import type { Clock } from '../base/clock';
import { CompactedError, InternalError, messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { Kind, StoredObject } from '../resource/objects';
import type { Store } from '../store/store';
import type { CacheReader } from './cache';
import { ObjectCache } from './object-cache';
import type { CacheChange } from './object-cache';
import { RevisionGate } from './revision-gate';

export interface CachesOptions {
  readonly store: Pick<Store, 'list' | 'watch'>;
  readonly kinds: readonly Kind<StoredObject>[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /**
   * How often everything is listed again although nothing seems wrong. etcd can drop the event of a deletion that is
   * compacted at the same moment (etcd-io/etcd#18089). Default 10 minutes.
   */
  readonly relistMs?: number;
}

const retry = { startMs: 50, capMs: 5_000, jitter: 0.5 };

/**
 * Copies of several kinds behind one watch, all at the same revision: whoever reads an instance and its scale sees
 * them as they were at one moment. List everything at one revision, watch from the next, list again on any doubt.
 */
export class Caches {
  readonly #options: CachesOptions;
  readonly #caches: ReadonlyMap<string, ObjectCache<StoredObject>>;
  readonly #gate = new RevisionGate();

  constructor(options: CachesOptions) {
    this.#options = options;
    this.#caches = new Map(options.kinds.map((kind) => [kind.name, new ObjectCache(kind, this)]));
  }

  /** The cache of a kind; it has to be one of `kinds`. */
  of<T extends StoredObject>(kind: Kind<T>): CacheReader<T> {
    return this.#cache(kind.name) as unknown as CacheReader<T>;
  }

  /** Whether it keeps a copy of the kind. */
  has(kind: Kind<StoredObject>): boolean {
    return this.#caches.has(kind.name);
  }

  /** The store's revision that the copies have come to; 0 before the first list. */
  get revision(): bigint {
    return this.#gate.revision < 0n ? 0n : this.#gate.revision;
  }

  /** Resolves once the first list has been taken over; rejects when the signal aborts before. */
  synced(signal?: AbortSignal): Promise<void> {
    return this.#gate.reached(0n, signal);
  }

  /** Resolves once the copies show this revision: after it, what was written at it is seen. */
  reached(revision: bigint, signal?: AbortSignal): Promise<void> {
    return this.#gate.reached(revision, signal);
  }

  /** Keeps the copies in step until the signal aborts; then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#follow(await this.#list(signal), signal, () => (failures = 0));
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof CompactedError) log.info('cache lists again', { why: error.message });
        else log.warn('cache lost its watch', { error: messageOf(error) });
        await sleep(clock, backoffMs(retry, failures++, random), signal).catch(() => undefined);
      }
    }
  }

  /** Lists all kinds as of one revision, and returns it. */
  async #list(signal: AbortSignal): Promise<bigint> {
    const [first, ...others] = this.#caches.values();
    if (!first) throw new InternalError('caches of no kind');
    const { store } = this.#options;
    const newest = await store.list(first.kind, {}, signal);
    const at = newest.revision;
    // More listeners than Node thinks sound, for as long as it takes.
    const all = AbortSignal.any([signal]);
    setMaxListeners(0, all);
    const rest = await Promise.all(others.map((cache) => store.list(cache.kind, { at }, all)));
    const changes = [first, ...others].flatMap((cache, index) =>
      cache.replace([newest, ...rest][index]?.items ?? []).map((change) => ({ cache, change })),
    );
    this.#publish(changes, at);
    return at;
  }

  /** Takes over changes until the signal aborts, or it is time to list again. */
  async #follow(after: bigint, signal: AbortSignal, onProgress: () => void): Promise<void> {
    const { store, kinds, clock, relistMs = 600_000 } = this.#options;
    const round = deadline(clock, relistMs, signal);
    try {
      for await (const batch of store.watch({ kinds, after }, round.signal)) {
        const changes = batch.changes.flatMap(({ kind, key, object }) => {
          const cache = this.#cache(kind.name);
          const change = cache.apply(key, object);
          return change ? [{ cache, change }] : [];
        });
        this.#publish(changes, batch.revision);
        onProgress();
      }
    } finally {
      round.dispose();
    }
    if (!round.signal.aborted) throw new InternalError('the watch ended unasked');
  }

  /** The copies are already changed: first whoever waits for the revision, then the listeners. */
  #publish(
    changes: readonly { cache: ObjectCache<StoredObject>; change: CacheChange }[],
    revision: bigint,
  ): void {
    this.#gate.advance(revision);
    for (const { cache, change } of changes) {
      cache.notify(change, (error) =>
        this.#options.log.error('cache listener failed', {
          kind: cache.kind.name,
          error: messageOf(error),
        }),
      );
    }
  }

  #cache(kindName: string): ObjectCache<StoredObject> {
    const cache = this.#caches.get(kindName);
    if (!cache) throw new InternalError(`no cache of the kind ${kindName} was asked for`);
    return cache;
  }
}
