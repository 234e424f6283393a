import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { FencedError } from '../errors';
import { refusalOf, type Transaction } from '../transaction';
import { type Entry, Mvcc, type Version } from './mvcc';

/** How many transactions are kept for watchers at least, like etcd's own compaction. */
const keptTransactions = 50_000;

interface LeaseRecord {
  readonly ttlMs: number;
  readonly paths: Set<string>;
  expiresAt: number;
  timer: Disposable;
}

/** What etcd is to EtcdStore: the state that several MemoryStores share. */
export class MemoryServer {
  readonly #mvcc = new Mvcc();
  readonly #leases = new Map<string, LeaseRecord>();
  readonly #listeners = new Set<() => void>();
  #leasesGranted = 0;

  constructor(private readonly clock: Clock) {}

  get revision(): bigint {
    return this.#mvcc.revision;
  }

  get(path: string): Version | undefined {
    return this.#mvcc.get(path);
  }

  range(start: string, end: string, at?: bigint): Iterable<readonly [string, Version]> {
    return this.#mvcc.range(start, end, at);
  }

  since(after: bigint, limit: number): readonly Entry[] {
    return this.#mvcc.since(after, limit);
  }

  compact(revision: bigint): void {
    this.#mvcc.compact(revision);
    this.#wake();
  }

  /** Carries the transaction out, or throws why not. */
  commit(transaction: Transaction): bigint {
    const refusal = refusalOf(transaction, (path) => this.#mvcc.get(path));
    if (refusal) throw refusal;
    for (const { lease } of transaction.effects)
      if (lease && !this.#leases.has(lease))
        throw new FencedError('the lease of the write is over: take a new one');
    return this.#apply(transaction.effects);
  }

  grant(ttlMs: number): string {
    const id = `${++this.#leasesGranted}`;
    this.#leases.set(id, {
      ttlMs,
      paths: new Set(),
      expiresAt: this.clock.monotonic() + ttlMs,
      timer: this.clock.after(ttlMs, () => this.#lookAt(id)),
    });
    return id;
  }

  /** Whether the lease is there still, and goes on for its whole time to live from now. */
  renew(id: string): boolean {
    const lease = this.#leases.get(id);
    if (!lease) return false;
    lease.expiresAt = this.clock.monotonic() + lease.ttlMs;
    return true;
  }

  /** Ends the lease, and deletes what it keeps in one transaction. */
  revoke(id: string): void {
    const lease = this.#leases.get(id);
    if (!lease) return;
    lease.timer.dispose();
    this.#leases.delete(id);
    if (lease.paths.size > 0) this.#apply([...lease.paths].map((path) => ({ path })));
  }

  /** Calls back after each change of the state. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

  close(): void {
    for (const lease of this.#leases.values()) lease.timer.dispose();
    this.#leases.clear();
  }

  #apply(effects: readonly { path: string; bytes?: Uint8Array; lease?: string }[]): bigint {
    if (effects.length === 0) return this.#mvcc.revision;
    for (const { path, lease } of effects) {
      const before = this.#mvcc.get(path)?.lease;
      if (before) this.#leases.get(before)?.paths.delete(path);
      if (lease) this.#leases.get(lease)?.paths.add(path);
    }
    const revision = this.#mvcc.apply(effects);
    if (this.#mvcc.kept > 2 * keptTransactions) this.#mvcc.compact(revision - BigInt(keptTransactions));
    this.#wake();
    return revision;
  }

  #lookAt(id: string): void {
    const lease = this.#leases.get(id);
    if (!lease) return;
    const leftMs = lease.expiresAt - this.clock.monotonic();
    if (leftMs <= 0) this.revoke(id);
    else lease.timer = this.clock.after(leftMs, () => this.#lookAt(id));
  }

  #wake(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
