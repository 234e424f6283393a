import type { Clock } from '../base/clock';

/** Before all time. */
export const NEVER = '';

const msDigits = 12;
const counterDigits = 4;
const version = /^[0-9a-f]{16}$/;
/** Beyond the bound of what is given out, by how much of it: machines whose clocks are right differ a little, too. */
const marginFactor = 1.25;

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
  /** The same as text: asked for with every item that comes in. */
  #last = NEVER;
  /** The last point that is believed, and when: asked for with every origin of every message. */
  #credible = { now: NaN, point: NEVER };

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
    return (this.#last = format(this.#ms, this.#counter));
  }

  /** The last point that was given out or observed. */
  get last(): string {
    return this.#last;
  }

  /** Takes note of what somebody else has said, as far as what follows it would be believed. */
  observe(point: string): void {
    if (point > this.last && versionMs(point) <= this.#clock.now() + this.#maxAheadMs) this.#follow(point);
  }

  /** Takes note of what this node itself has said, as others tell it: they believe what follows it as they do that. */
  recall(point: string): void {
    if (point > this.last && !this.isBeyondBelief(point)) this.#follow(point);
  }

  /** Whether a point is further ahead of this machine's clock than any node gives out whose clock is right. */
  isBeyondBelief(point: string): boolean {
    const now = this.#clock.now();
    if (now !== this.#credible.now) {
      const lastMs = now + this.#maxAheadMs * marginFactor;
      this.#credible = { now, point: format(lastMs, 16 ** counterDigits - 1) };
    }
    return point > this.#credible.point;
  }

  /** Forgets all that was given out and observed: the machine's clock was far ahead, and has been set right. */
  reset(): void {
    this.#ms = 0;
    this.#counter = 0;
    this.#last = NEVER;
  }

  #follow(point: string): void {
    this.#ms = versionMs(point);
    this.#counter = parseInt(point.slice(msDigits), 16);
    this.#last = point;
  }
}

function format(ms: number, counter: number): string {
  return (
    Math.floor(ms).toString(16).padStart(msDigits, '0') + counter.toString(16).padStart(counterDigits, '0')
  );
}
