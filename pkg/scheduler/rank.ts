import type { Demand } from './demand';
import type { ExecutorLoad } from './executor-load';
import { Fault } from './expression';
import { mixHashes } from './hash';

/**
 * The rank of an executor on which the expression has no value: it may be taken, after all others. A rank is a wish,
 * and never refuses.
 */
export const LAST_RANK = -Number.MAX_VALUE;

/** What the demand's rank says of the executor; Fault where it has no value. */
export function rankOn(load: ExecutorLoad, demand: Demand): number | Fault {
  // The default is -ncont.
  if (!demand.rank) return 0 - load.count;
  return demand.rank.evaluate(load.variablesFor(demand.process));
}

/** A rank as a finite number, so that all can be compared and sent. */
export function numberOf(rank: number | Fault): number {
  if (rank instanceof Fault) return LAST_RANK;
  return Math.min(Number.MAX_VALUE, Math.max(LAST_RANK, rank));
}

/**
 * What breaks ties of rank: lower is better, and where this too is equal, the name that is first. A hash of process and
 * executor, so that each process begins at another executor, and at the same one at every try, whatever else there is.
 */
export function tieOf(load: ExecutorLoad, { processHash }: Demand): number {
  return mixHashes(load.hash, processHash);
}
