import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';

interface Timer {
  readonly dueMs: number;
  readonly number: number;
  readonly callback: () => void;
}

/** Time that passes only when a test says so, and then at once. */
export class VirtualClock implements Clock {
  readonly #startMs: number;
  readonly #timers = new Set<Timer>();
  #elapsedMs = 0;
  #made = 0;

  /** @param startMs wall time at the start, in milliseconds since 1970 */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, callback: () => void): Disposable {
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), number: this.#made++, callback };
    this.#timers.add(timer);
    return { dispose: () => void this.#timers.delete(timer) };
  }

  /** How many timers wait: 0 when nothing was left behind. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass: each timer that comes due is run at its time, and all that follows from it before the next one. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    await this.settle();
    for (let timer = this.#next(endMs); timer; timer = this.#next(endMs)) {
      this.#elapsedMs = timer.dueMs;
      this.#timers.delete(timer);
      timer.callback();
      await this.settle();
    }
    this.#elapsedMs = endMs;
  }

  /** Lets everything happen that waits for no timer: work in memory is done when this resolves. */
  async settle(): Promise<void> {
    // Microtasks run dry before an immediate is run; two, for work that takes an immediate itself.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The timer that is due first, up to a moment; of two at the same moment, the older. */
  #next(endMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      if (
        !first ||
        timer.dueMs < first.dueMs ||
        (timer.dueMs === first.dueMs && timer.number < first.number)
      ) {
        first = timer;
      }
    }
    return first;
  }
}
