import type { Random } from './random';

export interface BackoffOptions {
  /** The first delay. */
  readonly startMs: number;
  /** The longest delay. */
  readonly capMs: number;
  /** The share of the delay that chance may take off, 0 to 1; against herds. Default 0. */
  readonly jitter?: number;
}

/** The delay before try number `attempt` (0 and up): doubles from `startMs` to `capMs`. */
export function backoffMs(options: BackoffOptions, attempt: number, random?: Random): number {
  const full = Math.min(options.capMs, options.startMs * 2 ** Math.min(attempt, 40));
  const off = random && options.jitter ? random.next() * options.jitter : 0;
  return full * (1 - off);
}
