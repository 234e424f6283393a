import type { Clock } from '../base/clock';

/** Before all time. */
export const NEVER = '';

const msDigits = 12;
const counterDigits = 4;
const version = /^[0-9a-f]{16}$/;

/** Whether the text is a point of hybrid time, or `NEVER`. */
export function isVersion(text: unknown): text is string {
  return typeof text === 'string' && (text === NEVER || version.test(text));
}

/** The wall time of it, in milliseconds. */
export function versionMs(text: string): number {
  return text === NEVER ? 0 : parseInt(text.slice(0, msDigits), 16);
}

/**
 * Hybrid logical time: wall time, pushed on where it stands still, goes back, or is behind what others have said. Points
 * are 16 hexadecimal digits, milliseconds and a counter: later ones compare greater as text.
 */
export class HybridClock {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #maxAheadMs: number;
  #ms = 0;
  #counter = 0;

  constructor(clock: Pick<Clock, 'now'>, maxAheadMs: number) {
    this.#clock = clock;
    this.#maxAheadMs = maxAheadMs;
  }

  /** A point after all that were given out or observed. */
  next(): string {
    const now = this.#clock.now();
    if (now > this.#ms) {
      this.#ms = now;
      this.#counter = 0;
    } else if (++this.#counter >= 16 ** counterDigits) {
      this.#ms++;
      this.#counter = 0;
    }
    return format(this.#ms, this.#counter);
  }

  /** The last point that was given out or observed. */
  get last(): string {
    return this.#ms === 0 ? NEVER : format(this.#ms, this.#counter);
  }

  observe(point: string): void {
    if (point <= this.last) return;
    this.#ms = versionMs(point);
    this.#counter = parseInt(point.slice(msDigits), 16);
  }

  /** Whether a point is further ahead of this machine's clock than can be believed. */
  isFarAhead(point: string): boolean {
    return versionMs(point) > this.#clock.now() + this.#maxAheadMs;
  }
}

function format(ms: number, counter: number): string {
  return (
    Math.floor(ms).toString(16).padStart(msDigits, '0') + counter.toString(16).padStart(counterDigits, '0')
  );
}
