import type { Clock } from '../../base/clock';

interface Bucket {
  tokens: number;
  filledMs: number;
}

/** How many are remembered: whoever was not seen for longest has a full bucket anyway. */
const maxBuckets = 10_000;

/** A token bucket for each caller. */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();

  constructor(
    private readonly clock: Clock,
    private readonly limits: { readonly perSecond: number; readonly burst: number },
  ) {}

  /** 0 when the call may go on, or after how many milliseconds it may. */
  take(caller: string): number {
    const { perSecond, burst } = this.limits;
    const now = this.clock.monotonic();
    const bucket = this.#buckets.get(caller) ?? { tokens: burst, filledMs: now };
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.filledMs) / 1_000) * perSecond);
    bucket.filledMs = now;
    // Those that call stay; the first ones in the map have not called for longest.
    this.#buckets.delete(caller);
    this.#buckets.set(caller, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > maxBuckets && oldest !== undefined) this.#buckets.delete(oldest);
    if (bucket.tokens >= 1) {
      bucket.tokens--;
      return 0;
    }
    return Math.ceil(((1 - bucket.tokens) / perSecond) * 1_000);
  }
}
