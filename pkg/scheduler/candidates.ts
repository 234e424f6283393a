import type { Demand } from './demand';
import type { ExecutorLoad } from './executor-load';
import { cordoned } from './filters/cordoned';
import { cpu } from './filters/cpu';
import { memory } from './filters/memory';
import { ready } from './filters/ready';
import type { Fleet } from './fleet';
import type { Memos } from './memo';
import { tieOf } from './rank';
import { WinnerTree } from './winner-tree';

/** The rank of an executor that refuses: below all that accept, whose ranks are finite. */
const REFUSED = -Infinity;

/**
 * The best executor for one demand, at any time of a plan. Two ways to the same answer: `scan` looks at all executors
 * anew; `keep` remembers the ranks and looks again only at the executors that something was placed on since, which is
 * right for any rank, rising or falling, and pays for demands of many instances.
 */
export class Candidates {
  readonly #fulfils: readonly ((load: ExecutorLoad) => number)[];
  readonly #rank: (load: ExecutorLoad) => number;
  #kept: Kept | undefined;

  constructor(
    readonly fleet: Fleet,
    readonly demand: Demand,
    memos: Memos,
  ) {
    this.#fulfils = demand.requirements.map((requirement) => memos.of(requirement, demand.process));
    this.#rank = demand.rank ? memos.of(demand.rank, demand.process) : (load) => 0 - load.count;
  }

  /** The executor's index; undefined when all refuse. */
  scan(): number | undefined {
    let best: ExecutorLoad | undefined;
    let bestRank = REFUSED;
    for (const load of this.fleet.loads) {
      const rank = this.#rankOf(load);
      if (rank === REFUSED || rank < bestRank) continue;
      // The executors are in the order that breaks ties of ties.
      if (best && rank === bestRank && tieOf(load, this.demand) >= tieOf(best, this.demand)) continue;
      best = load;
      bestRank = rank;
    }
    return best?.index;
  }

  /** As scan. */
  keep(): number | undefined {
    const kept = (this.#kept ??= this.#begin());
    const { loads, placed } = this.fleet;
    // What was placed for this demand itself is among the changes too.
    for (; kept.seen < placed.length; kept.seen++) {
      const index = placed[kept.seen] as number;
      const rank = this.#rankOf(loads[index] as ExecutorLoad);
      if (rank === kept.ranks[index]) continue;
      kept.ranks[index] = rank;
      kept.tree.update(index);
    }
    const best = kept.tree.winner;
    return best === -1 || kept.ranks[best] === REFUSED ? undefined : best;
  }

  /** Forgets what `keep` remembers. */
  drop(): void {
    this.#kept = undefined;
  }

  #begin(): Kept {
    const { loads, placed } = this.fleet;
    const ranks = Float64Array.from(loads, (load) => this.#rankOf(load));
    const ties = Uint32Array.from(loads, (load) => tieOf(load, this.demand));
    const wins = (left: number, right: number): boolean => {
      if (ranks[left] !== ranks[right]) return (ranks[left] as number) > (ranks[right] as number);
      if (ties[left] !== ties[right]) return (ties[left] as number) < (ties[right] as number);
      return left < right;
    };
    return { ranks, tree: new WinnerTree(loads.length, wins), seen: placed.length };
  }

  // The filters of filtersFor, the cheap ones first.
  #rankOf(load: ExecutorLoad): number {
    const { demand } = this;
    if (!ready.passes(load, demand) || !cordoned.passes(load, demand)) return REFUSED;
    if (!cpu.passes(load, demand) || !memory.passes(load, demand)) return REFUSED;
    for (const fulfils of this.#fulfils) if (fulfils(load) !== 1) return REFUSED;
    return this.#rank(load);
  }
}

interface Kept {
  /** By the executors' indexes. */
  readonly ranks: Float64Array;
  readonly tree: WinnerTree;
  /** How many of the fleet's placements the ranks know of. */
  seen: number;
}
