import { labels } from '../../../agent/labels';
import type { EngineCall } from '../engine-port';
import type { Machine } from '../machine';
import type { World } from '../world';
import type { Check, Violate } from './check';

/** Invariant 10: an executor that was lost stops the containers of its lost instances before it takes new work. */
export class ComebackCheck implements Check {
  readonly #world: World;
  readonly #violate: Violate;

  constructor(world: World, violate: Violate) {
    this.#world = world;
    this.#violate = violate;
  }

  onEngineCall(machine: Machine, { verb, uid }: EngineCall): void {
    if (verb !== 'create') return;
    const made = this.#world.history.instance(uid);
    const assignedAt = made?.assignedAt ?? 0n;
    for (const { state, labels: own } of machine.engine.containers) {
      const lostAt = this.#world.history.instance(own[labels.instance] ?? '')?.lostAt;
      if (state !== 'running' || lostAt === undefined || lostAt >= assignedAt) continue;
      const name = made?.instance.metadata.name;
      this.#violate(10, `${machine.name} begins ${name} while ${own[labels.name]} runs, which is lost`);
    }
  }
}
