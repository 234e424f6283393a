import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { UnavailableError } from '../base/errors';
import type { Changes, Entry, Follower } from './types';
import type { FollowLine } from './wire';
import { changesToWire, toWire } from './wire';

/** Where lines go. */
export interface LineSink {
  write(line: string): void;
  close(): void;
}

export interface RemoteFollowerOptions {
  readonly name: string;
  /** Tells this node's numbers from those of before its restart. */
  readonly session: string;
  readonly node: string;
  readonly clock: Clock;
  readonly all: () => readonly Entry[];
  readonly names: () => readonly string[];
  /** For so long after its connection broke it counts as up. */
  readonly graceMs: number;
  /** It has not come back in time. */
  readonly onLost: () => void;
}

/** More unconfirmed changes than any drain has: what is older is given up. */
const maxPending = 10_000;
/** Whoever leaves so many signs of life unanswered has vanished without a word: TCP alone notices after minutes. */
const maxUnanswered = 3;

/**
 * A follower in another process. A change is confirmed by its number; the number of a snapshot confirms all before it.
 * While the connection is broken changes stay unconfirmed: the next snapshot tells of them.
 */
export class RemoteFollower implements Follower {
  readonly name: string;
  readonly #options: RemoteFollowerOptions;
  readonly #pending = new Map<
    number,
    { readonly resolve: () => void; readonly reject: (error: Error) => void }
  >();
  readonly #snapshots = new Set<number>();
  #sink?: LineSink;
  #grace?: Disposable;
  #seq = 0;
  #unanswered = 0;

  constructor(options: RemoteFollowerOptions) {
    this.#options = options;
    this.name = options.name;
    this.#startGrace();
  }

  get connected(): boolean {
    return this.#sink !== undefined;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** The first call is of all there is: a connection begins with that anyway. */
  apply(changes: Changes): Promise<void> {
    const seq = ++this.#seq;
    return new Promise((resolve, reject) => {
      this.#pending.set(seq, { resolve, reject });
      const [oldest] = this.#pending;
      if (this.#pending.size > maxPending && oldest) {
        this.#pending.delete(oldest[0]);
        oldest[1].reject(new UnavailableError('the follower confirms nothing'));
      }
      if (seq > 1 && this.#sink)
        this.#write({ seq, ...changesToWire(changes, this.#options.clock.monotonic()) });
    });
  }

  /** A connection takes the place of the one before. */
  connect(sink: LineSink): void {
    const { session, node, clock, all, names } = this.#options;
    this.#sink?.close();
    this.#grace?.dispose();
    this.#sink = sink;
    this.#unanswered = 0;
    const seq = ++this.#seq;
    this.#snapshots.add(seq);
    const now = clock.monotonic();
    this.#write({ session, node, seq, snapshot: all().map((entry) => toWire(entry, now)), names: names() });
  }

  /** A connection has ended; nothing happens if another has taken its place. */
  disconnect(sink: LineSink): void {
    if (this.#sink !== sink) return;
    this.#sink = undefined;
    this.#startGrace();
  }

  /** Of no numbers, it is a sign of life. */
  confirm(seqs: readonly number[]): void {
    this.#unanswered = 0;
    for (const seq of seqs) {
      if (!this.#snapshots.has(seq)) {
        this.#resolve(seq);
        continue;
      }
      for (const pending of [...this.#pending.keys()]) if (pending <= seq) this.#resolve(pending);
      for (const older of [...this.#snapshots]) if (older <= seq) this.#snapshots.delete(older);
    }
  }

  /** To be answered by a confirmation, if only of nothing. */
  ping(): void {
    const sink = this.#sink;
    if (!sink) return;
    if (this.#unanswered >= maxUnanswered) {
      this.disconnect(sink);
      return sink.close();
    }
    this.#unanswered++;
    this.#write({ ping: true });
  }

  close(): void {
    this.#grace?.dispose();
    this.#sink?.close();
    this.#sink = undefined;
    for (const { reject } of this.#pending.values()) reject(new UnavailableError('the node is closing'));
    this.#pending.clear();
  }

  #resolve(seq: number): void {
    this.#pending.get(seq)?.resolve();
    this.#pending.delete(seq);
  }

  #startGrace(): void {
    const { clock, graceMs, onLost } = this.#options;
    this.#grace = clock.after(graceMs, onLost);
  }

  #write(line: FollowLine): void {
    this.#sink?.write(`${JSON.stringify(line)}\n`);
  }
}
