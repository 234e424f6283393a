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
 * Whether the left executor is to be preferred, of two with ranks. Ties are broken by a hash of process and executor:
 * each process begins at another executor, and the same one at every try, whatever else there is.
 */
export function isBetter(
  left: { readonly load: ExecutorLoad; readonly rank: number },
  right: { readonly load: ExecutorLoad; readonly rank: number },
  demand: Demand,
): boolean {
  if (left.rank !== right.rank) return left.rank > right.rank;
  return winsTie(left.load, right.load, demand);
}

/** isBetter, for equal ranks. */
export function winsTie(left: ExecutorLoad, right: ExecutorLoad, { processHash }: Demand): boolean {
  const leftHash = mixHashes(left.hash, processHash);
  const rightHash = mixHashes(right.hash, processHash);
  return leftHash !== rightHash ? leftHash < rightHash : left.index < right.index;
}
