import { sleep } from '../../base/clock';
import type { Clock } from '../../base/clock';
import { UnavailableError } from '../../base/errors';
import type { Random } from '../../base/random';
import type { Kind, StoredObject } from '../../resource/objects';
import { orAborted, throwIfAborted } from '../../store/aborted';
import type { MemoryServer } from '../../store/memory/memory-server';
import { MemoryStore } from '../../store/memory/memory-store';
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
} from '../../store/store';
import type { SimProcess } from './sim-process';

/** How the way to the store is now. Changed by the scenario. */
export interface StoreWeather {
  /** The share of calls that fail: half of them before they are carried out, half after. */
  errorRate: number;
}

export interface ProcessStoreOptions {
  readonly process: SimProcess;
  readonly server: MemoryServer;
  /** The stage's own time. */
  readonly time: Clock;
  readonly random: Random;
  readonly weather: StoreWeather;
  /** Told of each transaction just after the store has carried it out, when its caller does not know yet. */
  readonly onCommit?: (writes: readonly Write[], revision: bigint) => void;
}

const timeoutMs = 2_000;

/**
 * One process's way to the store. Answers take a moment, get lost, and reach only a process that runs; what was sent
 * arrives even if its sender is paused or dead by then.
 */
export class ProcessStore implements Store {
  readonly #options: ProcessStoreOptions;
  readonly #inner: MemoryStore;
  readonly #leases = new Set<string>();
  #reachable = true;
  #held: (() => Promise<void>) | undefined;
  /** How long a transaction is under way to the store. */
  commitDelayMs = 0;

  constructor(options: ProcessStoreOptions) {
    const { process, server, random } = options;
    this.#options = options;
    this.#inner = new MemoryStore({ clock: process.clock, random, server });
    process.onEnd(() => {
      this.#inner.setReachable(false);
      void this.#inner.close();
    });
  }

  /** The leases that were taken through this, oldest first. */
  get leases(): readonly string[] {
    return [...this.#leases];
  }

  setReachable(reachable: boolean): void {
    this.#reachable = reachable;
    this.#inner.setReachable(reachable);
  }

  /** The next transaction is not carried out before this has resolved. */
  holdNext(until: () => Promise<void>): void {
    this.#held = until;
  }

  get<T extends StoredObject>(kind: Kind<T>, key: ObjectKey, signal?: AbortSignal): Promise<T | undefined> {
    return this.#call(() => this.#inner.get(kind, key), signal);
  }

  list<T extends StoredObject>(
    kind: Kind<T>,
    options?: ListOptions,
    signal?: AbortSignal,
  ): Promise<ListResult<T>> {
    return this.#call(() => this.#inner.list(kind, options), signal);
  }

  commit(writes: readonly Write[], guards?: readonly Guard[], signal?: AbortSignal): Promise<bigint> {
    const carryOut = async () => {
      const held = this.#held;
      this.#held = undefined;
      await held?.();
      if (this.commitDelayMs > 0) await sleep(this.#options.time, this.commitDelayMs);
      const revision = await this.#inner.commit(writes, guards);
      this.#options.onCommit?.(writes, revision);
      return revision;
    };
    return this.#call(carryOut, signal);
  }

  async *watch(options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    for await (const batch of this.#inner.watch(options, signal)) {
      await this.#options.process.wait(this.#latencyMs());
      if (signal.aborted) return;
      yield batch;
    }
  }

  async lease(ttlMs: number, signal?: AbortSignal): Promise<Lease> {
    const lease = await this.#call(() => this.#inner.lease(ttlMs), signal);
    this.#leases.add(lease.id);
    return lease;
  }

  async campaign(
    election: string,
    identity: string,
    ttlMs: number,
    signal: AbortSignal,
  ): Promise<Leadership> {
    const { process } = this.#options;
    return process.learn(this.#inner.campaign(election, identity, ttlMs, signal), this.#latencyMs());
  }

  leader(election: string, signal?: AbortSignal): Promise<string | undefined> {
    return this.#call(() => this.#inner.leader(election), signal);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #call<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    throwIfAborted(signal);
    return orAborted(this.#answer(work), signal);
  }

  async #answer<T>(work: () => Promise<T>): Promise<T> {
    const { process, random, weather } = this.#options;
    const fails = random.next() < weather.errorRate;
    const early = random.next() < 0.5;
    if (!this.#reachable || (fails && early)) {
      await process.wait(this.#reachable ? this.#latencyMs() : timeoutMs);
      throw new UnavailableError('the store does not answer');
    }
    const result = await process.learn(work(), this.#latencyMs());
    if (fails) throw new UnavailableError('the answer of the store was lost');
    return result;
  }

  #latencyMs(): number {
    return this.#options.random.next() * 3;
  }
}
