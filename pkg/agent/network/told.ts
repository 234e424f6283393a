import { isDeepStrictEqual } from 'node:util';
import { backoffMs } from '../../base/backoff';
import type { Clock } from '../../base/clock';
import { deadline } from '../../base/clock';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/log';
import type { Random } from '../../base/random';
import { Waker } from '../waker';

const backoff = { startMs: 100, capMs: 5_000, jitter: 0.2 } as const;
/** The daemon is on this machine, and answers from memory. */
const answerLimitMs = 5_000;

export interface ToldOptions<T> {
  /** What is to be known, as of now. Undefined: nothing is to be told. */
  readonly value: () => T | undefined;
  readonly tell: (value: T, signal: AbortSignal) => Promise<void>;
  /** What is known is told again after so long; undefined for never. */
  readonly renewMs: (value: T) => number | undefined;
  /** It has been told. */
  readonly onTold?: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * Keeps somebody told of one thing: at once when it changes, again from time to time and whenever it may have been
 * forgotten, with back-off while that fails. One telling at a time; what changes meanwhile is told next.
 */
export class Told<T> {
  readonly #options: ToldOptions<T>;
  readonly #waker = new Waker();
  #told: { readonly value: T; readonly atMs: number } | undefined;
  #failures = 0;
  #notBeforeMs = 0;
  #held = false;
  readonly #waiting = new Set<() => void>();
  #underWay: Promise<void> | undefined;

  constructor(options: ToldOptions<T>) {
    this.#options = options;
  }

  /** The value may be another. */
  touch(): void {
    this.#waker.wake();
  }

  /** It may have been forgotten. */
  again(): void {
    this.#told = undefined;
    this.#failures = 0;
    this.#notBeforeMs = 0;
    this.#waker.wake();
  }

  /** Resolves once all that is to be known now has been told, or when the signal aborts. */
  async settled(signal: AbortSignal): Promise<void> {
    if (this.#isSettled() || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done);
      this.#waker.wake();
    });
  }

  /** Nothing is told until `release`; resolves when what is just being told has been. */
  async hold(): Promise<void> {
    this.#held = true;
    await this.#underWay;
  }

  /** `known`: it has been told meanwhile, in another way. */
  release(known?: { readonly value: T }): void {
    this.#held = false;
    if (known) this.#tolds(known.value);
    this.#waker.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#waiting.size > 0 && this.#isSettled()) for (const done of [...this.#waiting]) done();
      const value = this.#options.value();
      const delayMs = this.#held || value === undefined ? undefined : this.#delayMs(value);
      if (value === undefined || delayMs === undefined || delayMs > 0) {
        await this.#waker.wait(this.#options.clock, delayMs, signal);
        continue;
      }
      this.#underWay = this.#tell(value, signal);
      await this.#underWay;
      this.#underWay = undefined;
    }
  }

  #isSettled(): boolean {
    const value = this.#options.value();
    return value === undefined || (this.#told !== undefined && isDeepStrictEqual(this.#told.value, value));
  }

  /** Until it has to be told; undefined when there is no need. */
  #delayMs(value: T): number | undefined {
    const now = this.#options.clock.monotonic();
    const told = this.#told;
    if (!told || !isDeepStrictEqual(told.value, value)) return Math.max(0, this.#notBeforeMs - now);
    const renewMs = this.#options.renewMs(value);
    return renewMs === undefined
      ? undefined
      : Math.max(0, told.atMs + renewMs - now, this.#notBeforeMs - now);
  }

  async #tell(value: T, signal: AbortSignal): Promise<void> {
    const { clock, random, log, tell } = this.#options;
    const limit = deadline(clock, answerLimitMs, signal);
    try {
      await tell(value, limit.signal);
      this.#tolds(value);
    } catch (error) {
      if (signal.aborted) return;
      log.debug('the network daemon was not told', { error: messageOf(error) });
      this.#notBeforeMs = clock.monotonic() + backoffMs(backoff, this.#failures++, random);
    } finally {
      limit.dispose();
    }
  }

  #tolds(value: T): void {
    this.#told = { value, atMs: this.#options.clock.monotonic() };
    this.#failures = 0;
    this.#options.onTold?.();
  }
}
