/** Upper bounds of the buckets, in milliseconds; the last bucket has none. */
export const latencyBoundsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000] as const;

/** How long requests took, from their head's arrival to their response's end. */
export interface Latencies {
  readonly count: number;
  readonly sumMs: number;
  /** One more than there are bounds; not cumulated. */
  readonly buckets: readonly number[];
}

/** What has become of the requests to one endpoint. Only ever grows. */
export class Counters {
  requests = 0;
  errors = 0;
  tunnels = 0;
  #sumMs = 0;
  readonly #buckets: number[] = Array.from({ length: latencyBoundsMs.length + 1 }, () => 0);

  took(durationMs: number): void {
    this.#sumMs += durationMs;
    let bucket = 0;
    while (bucket < latencyBoundsMs.length && durationMs > (latencyBoundsMs[bucket] as number)) bucket++;
    (this.#buckets[bucket] as number)++;
  }

  latencies(): Latencies {
    return {
      count: this.#buckets.reduce((sum, count) => sum + count, 0),
      sumMs: this.#sumMs,
      buckets: [...this.#buckets],
    };
  }
}
