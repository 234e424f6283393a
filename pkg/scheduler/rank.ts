import type { Demand } from './demand';
import type { ExecutorLoad } from './executor-load';
import { Fault } from './expression';

/**
 * The rank of an executor on which the expression has no value: it may be taken, after all others. A rank is a wish,
 * and never refuses.
 */
export const LAST_RANK = -Number.MAX_VALUE;

/** `-ncont`, without an interpreter. */
export function defaultRank(load: ExecutorLoad): number {
  return 0 - load.count;
}

/** What the demand's rank says of the executor; Fault where it has no value. */
export function rankOn(load: ExecutorLoad, demand: Demand): number | Fault {
  return demand.rank ? demand.rank.evaluate(load.variablesFor(demand.process)) : defaultRank(load);
}

/** A rank as a finite number, so that all can be compared and sent. */
export function numberOf(rank: number | Fault): number {
  if (rank instanceof Fault) return LAST_RANK;
  return Math.min(Number.MAX_VALUE, Math.max(LAST_RANK, rank));
}
