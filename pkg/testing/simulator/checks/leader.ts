import type { Write } from '../../../store/store';
import { leaderName } from '../leader-name';
import type { SimProcess } from '../sim-process';
import type { World } from '../world';
import type { Check, Violate } from './check';

/** Invariant 9: a deposed leader changes nothing. */
export class LeaderCheck implements Check {
  readonly #world: World;
  readonly #violate: Violate;

  constructor(world: World, violate: Violate) {
    this.#world = world;
    this.#violate = violate;
  }

  onControllersCommit(process: SimProcess, writes: readonly Write[], revision: bigint): void {
    const leader = leaderName(this.#world.server);
    if (leader === process.name) return;
    const what = writes.map(({ op, kind }) => `${op} ${kind.name}`).join(', ');
    this.#violate(9, `${process.name} wrote at ${revision} while ${leader ?? 'nobody'} led: ${what}`);
  }
}
