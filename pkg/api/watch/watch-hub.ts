import { backoffMs } from '../../base/backoff';
import { sleep, type Clock } from '../../base/clock';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/log';
import type { Random } from '../../base/random';
import type { Kind, StoredObject } from '../../resource/objects';
import { formations } from '../../resource/objects';
import type { Store, WatchBatch } from '../../store/store';
import { Pulse } from '../pulse';

export interface WatchHubOptions {
  readonly store: Pick<Store, 'list' | 'watch'>;
  readonly kinds: readonly Kind<StoredObject>[];
  /** How many changes are kept for readers that are a little behind. */
  readonly history: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Every change after `after`, up to `revision`. */
interface HeldBatch extends WatchBatch {
  readonly after: bigint;
}

const retry = { startMs: 50, capMs: 2_000, jitter: 0.5 };

/**
 * One watch of the store for all readers. The newest changes are kept once, and each reader is only a position in
 * them, so that a slow one costs nothing. One that is further behind gets a watch of its own, from where it is: it
 * misses nothing, or hears from the store that it has.
 */
export class WatchHub {
  readonly #options: WatchHubOptions;
  readonly #pulse = new Pulse();
  /** In order; the changes of all come to at most `history`. */
  #batches: HeldBatch[] = [];
  #held = 0;
  /** Every change after this revision, up to `#end`, is in `#batches`; undefined before the first watch. */
  #start: bigint | undefined;
  #end = 0n;

  constructor(options: WatchHubOptions) {
    this.#options = options;
  }

  /** The revision that the hub has come to. */
  get revision(): bigint {
    return this.#end;
  }

  /** Keeps watching until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, kinds, clock, random, log } = this.#options;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const { revision } = await store.list(formations, { limit: 1 }, signal);
        this.#restart(revision);
        for await (const batch of store.watch({ kinds, after: revision }, signal)) {
          failures = 0;
          this.#append(batch);
        }
      } catch (error) {
        if (signal.aborted) return;
        log.warn('watch hub lost its watch', { error: messageOf(error) });
        await sleep(clock, backoffMs(retry, failures, random), signal).catch(() => {});
      }
    }
  }

  /**
   * Every change after the revision, in order, until the signal aborts. Batches without changes say how far the
   * stream has come. Throws CompactedError when changes are no longer kept.
   */
  async *watch(after: bigint, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    let position = after;
    while (!signal.aborted) {
      const next = this.#start === undefined || position < this.#start ? 'unknown' : this.#next(position);
      if (next === 'unknown') {
        yield* this.#catchUp(position, signal, (revision) => (position = revision));
      } else if (next) {
        position = next.revision;
        yield next;
      } else {
        await this.#pulse.next(signal);
      }
    }
  }

  /** Reads from the store itself until what comes next is held here. */
  async *#catchUp(
    after: bigint,
    signal: AbortSignal,
    onProgress: (revision: bigint) => void,
  ): AsyncGenerator<WatchBatch> {
    const { store, kinds } = this.#options;
    for await (const batch of store.watch({ kinds, after }, signal)) {
      onProgress(batch.revision);
      yield batch;
      if (this.#start !== undefined && batch.revision >= this.#start) return;
    }
  }

  /** What comes first after the position; `unknown` when only the store can tell. */
  #next(position: bigint): WatchBatch | 'unknown' | undefined {
    let low = 0;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#batches[middle] as HeldBatch).revision <= position) low = middle + 1;
      else high = middle;
    }
    const found = this.#batches[low];
    if (!found) return position < this.#end ? { changes: [], revision: this.#end } : undefined;
    if (position <= found.after) return found;
    // The reader comes from the middle of the batch: a list was newer than this. What a deletion's revision was the
    // batch does not say; without deletions the objects say it.
    if (found.changes.some(({ object }) => !object)) return 'unknown';
    const changes = found.changes.filter(({ object }) => (object?.metadata.revision ?? 0n) > position);
    return { changes, revision: found.revision };
  }

  #restart(revision: bigint): void {
    this.#batches = [];
    this.#held = 0;
    this.#start = revision;
    this.#end = revision;
    this.#pulse.beat();
  }

  #append(batch: WatchBatch): void {
    if (batch.changes.length > 0) {
      this.#batches.push({ ...batch, after: this.#end });
      this.#held += batch.changes.length;
    }
    this.#end = batch.revision;
    while (this.#held > this.#options.history && this.#batches.length > 1) {
      const dropped = this.#batches.shift() as HeldBatch;
      this.#held -= dropped.changes.length;
      this.#start = dropped.revision;
    }
    this.#pulse.beat();
  }
}
