import type { Demand } from './demand';
import type { ExecutorLoad } from './executor-load';
import { cordoned } from './filters/cordoned';
import { cpu } from './filters/cpu';
import { memory } from './filters/memory';
import { ready } from './filters/ready';
import type { Fleet } from './fleet';
import type { Memos } from './memo';
import { winsTie } from './rank';
import { WinnerTree } from './winner-tree';

/** The rank of an executor that refuses. */
const REFUSED = NaN;

/**
 * The best executor for one demand, at any time of a plan. Two ways to the same answer: `scan` looks at all executors
 * anew; `keep` remembers the ranks and looks again only at the executors that something was placed on since, which is
 * right for any rank, rising or falling, and pays for demands of many instances.
 */
export class Candidates {
  readonly #fulfils: readonly ((load: ExecutorLoad) => number)[];
  readonly #rank: (load: ExecutorLoad) => number;
  #kept: { readonly ranks: Float64Array; readonly tree: WinnerTree; seen: number } | undefined;

  constructor(
    readonly fleet: Fleet,
    readonly demand: Demand,
    memos: Memos,
  ) {
    this.#fulfils = demand.requirements.map((requirement) => memos.of(requirement, demand));
    this.#rank = demand.rank ? memos.of(demand.rank, demand) : (load) => 0 - load.count;
  }

  /** The executor's index; undefined when all refuse. */
  scan(): number | undefined {
    let best: ExecutorLoad | undefined;
    let bestRank = REFUSED;
    for (const load of this.fleet.loads) {
      const rank = this.#rankOf(load);
      if (Number.isNaN(rank)) continue;
      if (best && (rank < bestRank || (rank === bestRank && !winsTie(load, best, this.demand)))) continue;
      best = load;
      bestRank = rank;
    }
    return best?.index;
  }

  /** As scan. */
  keep(): number | undefined {
    const { tree, ranks } = (this.#kept = this.#refresh());
    const best = tree.winner;
    return best === -1 || Number.isNaN(ranks[best]) ? undefined : best;
  }

  /** Forgets what `keep` remembers. */
  drop(): void {
    this.#kept = undefined;
  }

  #refresh() {
    const { loads, placed } = this.fleet;
    const kept = this.#kept;
    if (!kept) {
      const ranks = Float64Array.from(loads, (load) => this.#rankOf(load));
      const tree = new WinnerTree(loads.length, (left, right) => this.#wins(ranks, left, right));
      return { ranks, tree, seen: placed.length };
    }
    // Several placements on one executor are one change; more changes than games on the way up are a new tournament.
    const changed = new Set(placed.slice(kept.seen));
    kept.seen = placed.length;
    for (const index of changed) kept.ranks[index] = this.#rankOf(loads[index] as ExecutorLoad);
    if (changed.size * 8 > loads.length) kept.tree.replay();
    else for (const index of changed) kept.tree.update(index);
    return kept;
  }

  #wins(ranks: Float64Array, left: number, right: number): boolean {
    const leftRank = ranks[left] as number;
    const rightRank = ranks[right] as number;
    if (leftRank !== rightRank)
      return Number.isNaN(rightRank) ? !Number.isNaN(leftRank) : leftRank > rightRank;
    const { loads } = this.fleet;
    return winsTie(loads[left] as ExecutorLoad, loads[right] as ExecutorLoad, this.demand);
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
