import type { Demand } from './demand';
import type { ExecutorLoad } from './executor-load';
import { cordoned } from './filters/cordoned';
import { cpu } from './filters/cpu';
import { memory } from './filters/memory';
import { ready } from './filters/ready';
import { volume } from './filters/volume';
import { wished } from './filters/wished';
import type { Fleet } from './fleet';
import type { Memos } from './memo';
import { defaultRank } from './rank';
import { RankTree } from './rank-tree';

/** The rank of an executor that refuses: below all that accept, whose ranks are finite. */
const REFUSED = -Infinity;

/**
 * The best executor for one demand, at any time of a plan. Two ways to the same answer: `scan` looks at all executors
 * anew; `keep` remembers the ranks and looks again only at the executors that something was placed on since, which is
 * right for any rank, rising or falling, and pays for demands of many instances.
 */
export class Candidates {
  readonly #fulfils: readonly ((load: ExecutorLoad) => boolean)[];
  readonly #rank: (load: ExecutorLoad) => number;
  #tree: RankTree | undefined;
  /** How many of the fleet's placements the tree knows of. */
  #seen = 0;

  constructor(
    readonly fleet: Fleet,
    readonly demand: Demand,
    memos: Memos,
  ) {
    this.#fulfils = demand.requirements.map((requirement) => memos.fulfils(requirement, demand.process));
    this.#rank = demand.rank ? memos.of(demand.rank, demand.process) : defaultRank;
  }

  /** The executor's index; undefined when all refuse. */
  scan(): number | undefined {
    let best: number | undefined;
    let bestRank = REFUSED;
    for (const load of this.fleet.loads) {
      const rank = this.#rankOf(load);
      // The executors are in the order that breaks ties.
      if (rank <= bestRank) continue;
      best = load.index;
      bestRank = rank;
    }
    return best;
  }

  /** As scan. */
  keep(): number | undefined {
    const tree = (this.#tree ??= this.#plant());
    const { loads, placed } = this.fleet;
    // What was placed for this demand itself is among the changes too.
    for (; this.#seen < placed.length; this.#seen++) {
      const index = placed[this.#seen] as number;
      tree.update(index, this.#rankOf(loads[index] as ExecutorLoad));
    }
    const { best } = tree;
    return best === undefined || tree.rankOf(best) === REFUSED ? undefined : best;
  }

  /** Forgets what `keep` remembers. */
  drop(): void {
    this.#tree = undefined;
  }

  #plant(): RankTree {
    this.#seen = this.fleet.placed.length;
    return new RankTree(Float64Array.from(this.fleet.loads, (load) => this.#rankOf(load)));
  }

  // The filters of filtersFor, the cheap ones first.
  #rankOf(load: ExecutorLoad): number {
    const { demand } = this;
    if (!ready.passes(load, demand) || !cordoned.passes(load, demand)) return REFUSED;
    if (!wished.passes(load, demand) || !volume.passes(load, demand)) return REFUSED;
    if (!cpu.passes(load, demand) || !memory.passes(load, demand)) return REFUSED;
    for (const fulfils of this.#fulfils) if (!fulfils(load)) return REFUSED;
    return this.#rank(load);
  }
}
