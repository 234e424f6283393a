import { ConflictError, ExistsError } from '../base/errors';
import type { GilliamError } from '../base/errors';
import type { Kind, StoredObject } from '../resource/objects';
import type { Guard, Leadership, Store, Write } from '../store/store';

/** A write that was refused because it was decided on something old. */
export interface Refusal {
  readonly write: Write;
  readonly error: GilliamError;
}

/** The one door through which controllers write. */
export interface Writer {
  /** All in one transaction, or nothing: at most 99 writes and guards. */
  commit(writes: readonly Write[], guards?: readonly Guard[], signal?: AbortSignal): Promise<void>;

  /**
   * As many transactions as it takes, each under all guards. A write that conflicts is refused by itself: the others
   * are carried out all the same. Resolves to the refused ones.
   */
  commitEach(
    writes: readonly Write[],
    guards?: readonly Guard[],
    signal?: AbortSignal,
  ): Promise<readonly Refusal[]>;
}

/** The part of Caches that tells when a write can be seen. */
export interface Seen {
  has(kind: Kind<StoredObject>): boolean;
  reached(revision: bigint, signal?: AbortSignal): Promise<void>;
}

/** What the store allows in one transaction. */
const MAX_OPERATIONS = 100;
const CONCURRENCY = 8;

/**
 * Writes as the leader, and only as the leader: the leadership is a guard of every transaction, so that the store
 * refuses what a deposed leader still sends.
 *
 * It resolves once the caches show what was written. So a reconcile of the same key, which begins only after this one
 * has ended, never decides on a state from before its own writes, and cannot make the same instance twice.
 */
export class LeaderWriter implements Writer {
  readonly #store: Pick<Store, 'commit'>;
  readonly #seen: Seen;
  readonly #fence: Guard;

  constructor(store: Pick<Store, 'commit'>, seen: Seen, leadership: Leadership) {
    this.#store = store;
    this.#seen = seen;
    this.#fence = { guard: 'leadership', leadership };
  }

  async commit(writes: readonly Write[], guards: readonly Guard[] = [], signal?: AbortSignal): Promise<void> {
    if (writes.length === 0) return;
    await this.#seen.reached(await this.#commit(writes, guards, signal), signal);
  }

  async commitEach(
    writes: readonly Write[],
    guards: readonly Guard[] = [],
    signal?: AbortSignal,
  ): Promise<readonly Refusal[]> {
    const batches = batchesOf(writes, MAX_OPERATIONS - 1 - guards.length);
    const refused: Refusal[] = [];
    let newest = 0n;
    const work = async () => {
      for (let batch = batches.shift(); batch; batch = batches.shift()) {
        try {
          const revision = await this.#commit(batch, guards, signal);
          if (revision > newest) newest = revision;
        } catch (error) {
          if (!(error instanceof ConflictError || error instanceof ExistsError)) throw error;
          if (batch.length > 1) batches.unshift(...halves(batch));
          else refused.push(...batch.map((write) => ({ write, error })));
        }
      }
    };
    const workers = Array.from({ length: Math.min(CONCURRENCY, batches.length) }, work);
    const ends = await Promise.allSettled(workers);
    await this.#seen.reached(newest, signal);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return refused;
  }

  /** The revision at which the caches show the writes. */
  async #commit(writes: readonly Write[], guards: readonly Guard[], signal?: AbortSignal): Promise<bigint> {
    const revision = await this.#store.commit(writes, [this.#fence, ...guards], signal);
    // Of a kind that is not cached nothing is ever seen, and the watch may not come to its revision for long.
    return writes.some((write) => this.#seen.has(write.kind)) ? revision : 0n;
  }
}

function batchesOf(writes: readonly Write[], size: number): (readonly Write[])[] {
  return Array.from({ length: Math.ceil(writes.length / size) }, (_, index) =>
    writes.slice(index * size, (index + 1) * size),
  );
}

/** A conflict does not say which write it was about: try the halves. */
function halves(batch: readonly Write[]): Write[][] {
  const middle = Math.ceil(batch.length / 2);
  return [batch.slice(0, middle), batch.slice(middle)];
}
