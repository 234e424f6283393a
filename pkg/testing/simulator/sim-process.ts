import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import type { Random } from '../../base/random';
import { SeededRandom } from '../../base/random';

interface Timer {
  readonly callback: () => void;
  readonly wait: Disposable;
  disposed: boolean;
}

export interface SimProcessOptions {
  /** Unlike that of any other, before or after: `cp1-2`. */
  readonly name: string;
  /** The machine that it runs on, as the network knows it. */
  readonly host: string;
  /** By how much its wall clock is ahead. */
  readonly skewMs: number;
  readonly seed: number;
}

/**
 * One process of the stage, as its operating system sees it. All that ever wakes it comes through its clock: timers,
 * answers, messages. So it is paused as by SIGSTOP by holding those back, and killed as by `kill -9` by dropping them:
 * not a line of it runs any more, whatever its code would do when asked to end.
 */
export class SimProcess {
  readonly name: string;
  readonly host: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly #time: Clock;
  readonly #timers = new Set<Timer>();
  readonly #ended: (() => void)[] = [];
  #held: Timer[] = [];
  #state: 'running' | 'paused' | 'dead' = 'running';

  /** @param time the stage's own time */
  constructor(time: Clock, { name, host, skewMs, seed }: SimProcessOptions) {
    this.name = name;
    this.host = host;
    this.#time = time;
    this.random = new SeededRandom(seed);
    this.clock = {
      now: () => time.now() + skewMs,
      monotonic: () => time.monotonic(),
      after: (delayMs, callback) => this.#after(delayMs, callback),
    };
  }

  get alive(): boolean {
    return this.#state !== 'dead';
  }

  get paused(): boolean {
    return this.#state === 'paused';
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  /** What it has missed happens now, in its order. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    const held = this.#held;
    this.#held = [];
    for (const timer of held) this.#time.after(0, () => this.#fire(timer));
  }

  kill(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    for (const timer of this.#timers) timer.wait.dispose();
    this.#timers.clear();
    this.#held = [];
    for (const ended of this.#ended.splice(0)) ended();
  }

  /** Calls back when it is killed. */
  onEnd(ended: () => void): void {
    this.#ended.push(ended);
  }

  /** Resolves after a delay; of a dead process never. */
  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#after(delayMs, resolve));
  }

  /** What something outside comes to, as this process learns of it: later, and never when it is dead. */
  async learn<T>(outside: Promise<T>, delayMs: number): Promise<T> {
    try {
      return await outside;
    } finally {
      await this.wait(delayMs);
    }
  }

  #after(delayMs: number, callback: () => void): Disposable {
    if (this.#state === 'dead') return { dispose: () => {} };
    const wait = this.#time.after(delayMs, () => this.#fire(timer));
    const timer: Timer = { callback, wait, disposed: false };
    this.#timers.add(timer);
    return {
      dispose: () => {
        timer.disposed = true;
        timer.wait.dispose();
        this.#timers.delete(timer);
      },
    };
  }

  #fire(timer: Timer): void {
    if (timer.disposed || this.#state === 'dead') return;
    if (this.#state === 'paused') {
      this.#held.push(timer);
      return;
    }
    this.#timers.delete(timer);
    timer.callback();
  }
}
