import type { Clock } from '../../base/clock';
import { DisposableStore, toDisposable } from '../../base/disposable';
import { CancelledError, UnavailableError } from '../../base/errors';
import type { Random } from '../../base/random';
import type { Kind, StoredObject } from '../../resource/objects';
import { abortError, throwIfAborted } from '../aborted';
import { endOfPrefix, pathOf, rangeOf } from '../keys';
import { Signalled } from '../signalled';
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
} from '../store';
import { electionPrefix, Term } from '../term';
import { prepare } from '../transaction';
import { Decoder } from './decoder';
import { MemoryLease } from './memory-lease';
import { MemoryServer } from './memory-server';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The state to share with other stores; default its own. */
  readonly server?: MemoryServer;
}

/** At most so many transactions in one batch of a watch. */
const batchTransactions = 500;

/** Everything that EtcdStore is, in memory: for tests and the simulator. */
export class MemoryStore implements Store {
  readonly server: MemoryServer;
  readonly #clock: Clock;
  readonly #held = new DisposableStore();
  readonly #closed = new AbortController();
  readonly #decoder = new Decoder();
  readonly #changed = new Signalled();
  #reachable = true;

  constructor(options: MemoryStoreOptions) {
    this.#clock = options.clock;
    this.server = options.server ?? new MemoryServer(options.clock);
    const { server } = this;
    if (!options.server) this.#held.add(toDisposable(() => server.close()));
    this.#held.add(server.onChange(() => this.#changed.signal()));
  }

  /** Cuts this store off from its server, or connects it again, as a network would. */
  setReachable(reachable: boolean): void {
    this.#reachable = reachable;
    this.#changed.signal();
  }

  /** Forgets the history before the revision. */
  compact(revision: bigint): void {
    this.server.compact(revision);
  }

  async get<T extends StoredObject>(
    kind: Kind<T>,
    key: ObjectKey,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    this.#enter(signal);
    const path = pathOf(kind, key);
    const version = this.server.get(path);
    return version && this.#decoder.decode(kind, path, version);
  }

  async list<T extends StoredObject>(
    kind: Kind<T>,
    options: ListOptions = {},
    signal?: AbortSignal,
  ): Promise<ListResult<T>> {
    this.#enter(signal);
    const { start, end } = rangeOf(kind, options);
    const limit = options.limit ?? Infinity;
    const items: T[] = [];
    let more = false;
    for (const [path, version] of this.server.range(start, end, options.at)) {
      more = items.length >= limit;
      if (more) break;
      items.push(this.#decoder.decode(kind, path, version));
    }
    return { items, revision: options.at ?? this.server.revision, more };
  }

  async commit(
    writes: readonly Write[],
    guards: readonly Guard[] = [],
    signal?: AbortSignal,
  ): Promise<bigint> {
    this.#enter(signal);
    return this.server.commit(prepare(writes, guards));
  }

  async *watch(options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    const ended = AbortSignal.any([signal, this.#closed.signal]);
    let after = options.after;
    while (!ended.aborted) {
      const entries = this.#reachable ? this.server.since(after, batchTransactions) : [];
      const last = entries.at(-1);
      if (last) {
        after = last.revision;
        yield { changes: this.#decoder.changes(entries, options), revision: after };
      } else {
        await this.#changed.next(ended);
      }
    }
  }

  async lease(ttlMs: number, signal?: AbortSignal): Promise<Lease> {
    this.#enter(signal);
    const { server } = this;
    const lease = new MemoryLease(server.grant(ttlMs), this.#clock, ttlMs, {
      renew: (id) => (this.#reachable ? server.renew(id) : undefined),
      revoke: (id) => {
        this.#enter();
        server.revoke(id);
      },
    });
    return this.#held.add(lease);
  }

  async campaign(
    election: string,
    identity: string,
    ttlMs: number,
    signal: AbortSignal,
  ): Promise<Leadership> {
    const ended = AbortSignal.any([signal, this.#closed.signal]);
    while (!ended.aborted) {
      if (!this.#reachable) {
        await this.#changed.next(ended);
        continue;
      }
      const lease = await this.lease(ttlMs, signal);
      const path = `${electionPrefix(election)}${lease.id.padStart(16, '0')}`;
      const term = this.server.commit({
        conditions: [],
        effects: [{ path, bytes: Buffer.from(identity), lease: lease.id, before: 0n, name: path }],
      });
      if (await this.#elected(election, path, AbortSignal.any([ended, lease.lost])))
        return new Term(election, identity, term, path, lease);
      lease.dispose();
      if (this.#reachable) this.server.revoke(lease.id);
    }
    throw abortError(ended);
  }

  async leader(election: string, signal?: AbortSignal): Promise<string | undefined> {
    this.#enter(signal);
    const first = this.#firstCandidate(election);
    return first && Buffer.from(this.server.get(first)?.bytes ?? []).toString();
  }

  async close(): Promise<void> {
    this.#closed.abort(new CancelledError('the store is closed'));
    this.#held.dispose();
  }

  /** Waits until the candidate is the oldest; false when the signal aborts. */
  async #elected(election: string, path: string, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (this.#reachable && this.#firstCandidate(election) === path) return true;
      await this.#changed.next(signal);
    }
    return false;
  }

  #firstCandidate(election: string): string | undefined {
    const prefix = electionPrefix(election);
    let first: { path: string; created: bigint } | undefined;
    for (const [path, { created }] of this.server.range(prefix, endOfPrefix(prefix)))
      if (!first || created < first.created) first = { path, created };
    return first?.path;
  }

  #enter(signal?: AbortSignal): void {
    throwIfAborted(this.#closed.signal);
    throwIfAborted(signal);
    if (!this.#reachable) throw new UnavailableError('the store does not answer: is it running?');
  }
}
