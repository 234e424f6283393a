import { labels } from '../../../agent/labels';
import type { World } from '../world';
import type { Check, Violate } from './check';

/** Invariant 2: at most one container exists per instance, and only on its executor. */
export class ContainersCheck implements Check {
  readonly #world: World;
  readonly #violate: Violate;

  constructor(world: World, violate: Violate) {
    this.#world = world;
    this.#violate = violate;
  }

  onRest(): void {
    const places = new Map<string, string>();
    for (const machine of this.#world.machines) {
      for (const container of machine.engine.containers) {
        const uid = container.labels[labels.instance] ?? '';
        const other = places.get(uid);
        const name = container.labels[labels.name];
        if (other) this.#violate(2, `${name} has a container on ${other} and another on ${machine.name}`);
        places.set(uid, machine.name);
        const owner = this.#world.history.instance(uid)?.instance.spec.executor;
        if (owner !== machine.name) {
          this.#violate(2, `${name} is of ${owner || 'no executor'}, and has a container on ${machine.name}`);
        }
      }
    }
  }
}
