import { backoffMs } from '../base/backoff';
import type { BackoffOptions } from '../base/backoff';
import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { InternalError } from '../base/errors';
import type { Random } from '../base/random';

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Between failed tries of one key. Default 5 ms doubling to 30 s, half of it up to chance. */
  readonly backoff?: BackoffOptions;
  /** How many keys may be known at once; more is a fault of the caller's. Default 1,000,000. */
  readonly capacity?: number;
}

const defaultBackoff: BackoffOptions = { startMs: 5, capMs: 30_000, jitter: 0.5 };

/**
 * Keys to be worked on: each at most once at a time, and once more when it was added while it was worked on. A key
 * says that something may be different, never what: adding it twice is the same as adding it once.
 */
export class WorkQueue implements Disposable {
  readonly #options: WorkQueueOptions;

  /** To be taken, oldest first. Disjoint from `#processing`. */
  readonly #ready = new Set<string>();
  /** Taken, and not done. No key is handed out while it is in here. */
  readonly #processing = new Set<string>();
  /** Added while they were processed: a subset of `#processing`. They become ready when they are done. */
  readonly #dirty = new Set<string>();
  /** To become ready later. A key that is taken loses its delay: whoever works on it decides anew. */
  readonly #delayed = new Map<string, { readonly dueMs: number; readonly timer: Disposable }>();
  /** Failures in a row. Keys that last succeeded have no entry. */
  readonly #failures = new Map<string, number>();
  /** Takers that found nothing ready. Empty whenever `#ready` is not. */
  readonly #waiting = new Set<(key: string | undefined) => void>();
  #disposed = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** How many keys could be taken now. */
  get length(): number {
    return this.#ready.size;
  }

  add(key: string): void {
    if (this.#disposed || this.#ready.has(key) || this.#dirty.has(key)) return;
    if (this.#processing.has(key)) {
      this.#dirty.add(key);
      return;
    }
    this.#checkCapacity();
    this.#ready.add(key);
    this.#hand();
  }

  /** Adds the key after a delay; of several delays the one that ends first holds. */
  addAfter(key: string, delayMs: number): void {
    if (this.#disposed) return;
    const { clock } = this.#options;
    const dueMs = clock.monotonic() + delayMs;
    const delayed = this.#delayed.get(key);
    if (delayed && delayed.dueMs <= dueMs) return;
    if (!delayed) this.#checkCapacity();
    delayed?.timer.dispose();
    const timer = clock.after(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueMs, timer });
  }

  /** Adds the key after a delay that grows with each failure in a row; returns the delay. */
  addFailed(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delayMs = backoffMs(this.#options.backoff ?? defaultBackoff, failures, this.#options.random);
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** The key has succeeded: its next failure is the first. */
  forgive(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, waiting for one; call `done` with it. Undefined once the queue is disposed. */
  take(): Promise<string | undefined> {
    if (this.#disposed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      this.#hand();
    });
  }

  /** The key is no longer worked on. */
  done(key: string): void {
    this.#processing.delete(key);
    if (this.#dirty.delete(key)) this.add(key);
  }

  /** Lets all takers go, and forgets everything. */
  dispose(): void {
    this.#disposed = true;
    for (const { timer } of this.#delayed.values()) timer.dispose();
    for (const set of [this.#ready, this.#dirty, this.#delayed, this.#failures]) set.clear();
    for (const resolve of this.#waiting) resolve(undefined);
    this.#waiting.clear();
  }

  #hand(): void {
    const [key] = this.#ready;
    const [resolve] = this.#waiting;
    if (key === undefined || !resolve) return;
    this.#ready.delete(key);
    this.#waiting.delete(resolve);
    this.#processing.add(key);
    this.#delayed.get(key)?.timer.dispose();
    this.#delayed.delete(key);
    resolve(key);
  }

  #checkCapacity(): void {
    const { capacity = 1_000_000 } = this.#options;
    if (this.#ready.size + this.#delayed.size < capacity) return;
    throw new InternalError(`more than ${capacity} keys in a work queue`);
  }
}
