import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock';

/** Everything that happened, in its order: what two runs of one seed have in common to the last letter. */
export class Trace {
  readonly lines: string[] = [];
  readonly #hash = createHash('sha256');
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(what: string): void {
    const line = `${(this.#clock.monotonic() / 1000).toFixed(3).padStart(8)} ${what}`;
    this.lines.push(line);
    this.#hash.update(line).update('\n');
  }

  /** What is the same in two runs too, and tells nobody anything. */
  count(what: string): void {
    this.#hash.update(`${this.#clock.monotonic()} ${what}\n`);
  }

  /** Of all so far. */
  get hash(): string {
    return this.#hash.copy().digest('hex');
  }
}
