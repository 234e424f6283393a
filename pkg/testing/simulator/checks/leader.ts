import { ELECTION } from '../../../controllers/manager';
import { endOfPrefix } from '../../../store/keys';
import type { Write } from '../../../store/store';
import { electionPrefix } from '../../../store/term';
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
    const leader = this.#leader();
    if (leader === process.name) return;
    const what = writes.map(({ op, kind }) => `${op} ${kind.name}`).join(', ');
    this.#violate(9, `${process.name} wrote at ${revision} while ${leader ?? 'nobody'} led: ${what}`);
  }

  /** The oldest candidate that the store knows. */
  #leader(): string | undefined {
    const prefix = electionPrefix(ELECTION);
    let first: { readonly created: bigint; readonly name: string } | undefined;
    for (const [, { created, bytes }] of this.#world.server.range(prefix, endOfPrefix(prefix))) {
      const name = Buffer.from(bytes ?? []).toString();
      if (!first || created < first.created) first = { created, name };
    }
    return first?.name;
  }
}
