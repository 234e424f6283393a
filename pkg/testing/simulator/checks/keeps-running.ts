import { labels } from '../../../agent/labels';
import { isWanted } from '../../../resource/instance';
import type { EngineCall } from '../engine-port';
import type { Machine } from '../machine';
import type { World } from '../world';
import type { Check, Violate } from './check';

/** The longest back-off of a container's restart, and some. */
const restartWithinMs = 75_000;

/**
 * Invariant 6: what runs keeps running, whatever becomes of the control plane and the store. Nobody stops what is wanted,
 * and what has ended by itself is started again by its executor alone.
 */
export class KeepsRunningCheck implements Check {
  readonly #world: World;
  readonly #violate: Violate;
  /** Since when a container that is wanted does not run on a machine that could run it, by its id. */
  readonly #downSinceMs = new Map<string, number>();

  constructor(world: World, violate: Violate) {
    this.#world = world;
    this.#violate = violate;
  }

  onEngineCall(machine: Machine, { verb, uid, running }: EngineCall): void {
    if ((verb !== 'stop' && verb !== 'remove') || !running || !this.#isWanted(machine, uid)) return;
    const { name } = this.#world.history.instance(uid)?.instance.metadata ?? {};
    this.#violate(6, `${machine.name} stops ${name}, which is wanted`);
  }

  onRest(): void {
    const now = this.#world.time.monotonic();
    for (const machine of this.#world.machines) {
      const able = machine.process && !machine.process.paused && machine.sound;
      for (const { id, state, labels: own } of machine.engine.containers) {
        const down = able && state === 'exited' && this.#isWanted(machine, own[labels.instance] ?? '');
        if (!down) {
          this.#downSinceMs.delete(id);
          continue;
        }
        const sinceMs = this.#downSinceMs.get(id) ?? now;
        this.#downSinceMs.set(id, sinceMs);
        if (now - sinceMs <= restartWithinMs) continue;
        this.#violate(6, `${own[labels.name]} has ended, and ${machine.name} does not start it again`);
      }
    }
  }

  /** One-offs end by themselves. */
  #isWanted(machine: Machine, uid: string): boolean {
    const record = this.#world.history.instance(uid);
    if (!record || record.deleted || record.instance.spec.oneOff) return false;
    return isWanted(record.instance) && record.instance.spec.executor === machine.name;
  }
}
