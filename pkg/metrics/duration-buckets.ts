/** Upper bounds of the buckets that durations are counted in, in milliseconds; the last bucket has none. */
export const durationBoundsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000] as const;

/** Said of what is beyond all bounds: router and proxy wait for no answer longer than this, unless a route says so. */
export const beyondMs = 60_000;

export const bucketCount = durationBoundsMs.length + 1;

export function emptyBuckets(): number[] {
  return Array.from({ length: bucketCount }, () => 0);
}

/** Which bucket a duration belongs to. */
export function bucketOf(durationMs: number): number {
  let bucket = 0;
  while (bucket < durationBoundsMs.length && durationMs > (durationBoundsMs[bucket] as number)) bucket++;
  return bucket;
}

/**
 * An upper bound of the time in which at least that share of the requests was answered: the bound of the bucket that the
 * last of them is in. Undefined without requests.
 */
export function percentileMs(counts: readonly number[], share: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total <= 0) return undefined;
  let left = Math.ceil(total * share);
  for (const [bucket, count] of counts.entries()) {
    left -= count;
    if (left <= 0) return durationBoundsMs[bucket] ?? beyondMs;
  }
  return beyondMs;
}
