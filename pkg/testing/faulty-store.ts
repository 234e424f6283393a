import { sleep } from '../base/clock';
import type { Clock } from '../base/clock';
import { ConflictError, UnavailableError } from '../base/errors';
import type { Random } from '../base/random';
import type { Kind, StoredObject } from '../resource/objects';
import type {
  Guard,
  Leadership,
  Lease,
  ListOptions,
  ListResult,
  ObjectKey,
  Store,
  WatchBatch,
  WatchOptions,
  Write,
} from '../store/store';

/** A store that refuses and fails by chance: what a caller has to bear, however seldom it is seen. */
export class FaultyStore implements Store {
  /** The share of calls that go wrong, 0 to 1. */
  faultRate = 0;
  /** What the writes came to that were held. */
  readonly held: unknown[] = [];
  /** By how much watches lag behind. */
  lagMs = 0;
  /** Told of every transaction just before and just after it is carried out; what it throws is thrown to the caller. */
  onCommit: ((writes: readonly Write[], when: 'before' | 'after') => void) | undefined;
  readonly #inner: Store;
  readonly #clock: Clock;
  readonly #random: Random;
  #gate: Promise<void> | undefined;

  constructor(inner: Store, clock: Clock, random: Random) {
    this.#inner = inner;
    this.#clock = clock;
    this.#random = random;
  }

  async get<T extends StoredObject>(
    kind: Kind<T>,
    key: ObjectKey,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    this.#mayFail();
    return this.#inner.get(kind, key, signal);
  }

  async list<T extends StoredObject>(
    kind: Kind<T>,
    options?: ListOptions,
    signal?: AbortSignal,
  ): Promise<ListResult<T>> {
    this.#mayFail();
    return this.#inner.list(kind, options, signal);
  }

  /** Keeps the writes on their way until the function that it returns is called; they arrive then. */
  hold(): () => void {
    let open = () => {};
    this.#gate = new Promise((resolve) => (open = resolve));
    return () => {
      this.#gate = undefined;
      open();
    };
  }

  /** Refused as by a conflict, not carried out, or carried out without a word of it. */
  async commit(writes: readonly Write[], guards?: readonly Guard[], signal?: AbortSignal): Promise<bigint> {
    this.#mayFail();
    if (this.#chance()) throw new ConflictError('somebody else was faster');
    if (this.#gate) return this.#late(this.#gate, writes, guards);
    this.onCommit?.(writes, 'before');
    const revision = await this.#inner.commit(writes, guards, signal);
    this.onCommit?.(writes, 'after');
    this.#mayFail();
    return revision;
  }

  /** Nobody waits for it any more when it arrives: the caller's signal does not stop it. */
  async #late(gate: Promise<void>, writes: readonly Write[], guards?: readonly Guard[]): Promise<bigint> {
    await gate;
    try {
      const revision = await this.#inner.commit(writes, guards);
      this.held.push(revision);
      return revision;
    } catch (error) {
      this.held.push(error);
      throw error;
    }
  }

  async *watch(options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    for await (const batch of this.#inner.watch(options, signal)) {
      if (this.lagMs > 0) await sleep(this.#clock, this.lagMs, signal).catch(() => undefined);
      yield batch;
    }
  }

  lease(ttlMs: number, signal?: AbortSignal): Promise<Lease> {
    return this.#inner.lease(ttlMs, signal);
  }

  campaign(election: string, identity: string, ttlMs: number, signal: AbortSignal): Promise<Leadership> {
    return this.#inner.campaign(election, identity, ttlMs, signal);
  }

  leader(election: string, signal?: AbortSignal): Promise<string | undefined> {
    return this.#inner.leader(election, signal);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #mayFail(): void {
    if (this.#chance()) throw new UnavailableError('the store does not answer');
  }

  #chance(): boolean {
    return this.faultRate > 0 && this.#random.next() < this.faultRate;
  }
}
