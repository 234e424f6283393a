/** What is known of an endpoint when one is chosen. */
export interface Candidate {
  /** Requests and tunnels under way. */
  readonly outstanding: number;
  /** Takes no more connections. */
  readonly full: boolean;
  ejected(nowMs: number): boolean;
}

/**
 * The candidate with the fewest requests under way; among equals, by turns. Ejected ones only where all are: a guess
 * that an endpoint is down is no reason to answer nothing. Undefined where all are full or tried.
 */
export function leastOutstanding<T extends Candidate>(
  candidates: readonly T[],
  turn: number,
  nowMs: number,
  tried?: ReadonlySet<T>,
): T | undefined {
  let best: T | undefined;
  let ejectedBest: T | undefined;
  const count = candidates.length;
  for (let step = 0; step < count; step++) {
    const candidate = candidates[(turn + step) % count] as T;
    if (candidate.full || tried?.has(candidate)) continue;
    if (candidate.ejected(nowMs)) {
      if (!ejectedBest || candidate.outstanding < ejectedBest.outstanding) ejectedBest = candidate;
    } else if (!best || candidate.outstanding < best.outstanding) {
      best = candidate;
    }
  }
  return best ?? ejectedBest;
}
