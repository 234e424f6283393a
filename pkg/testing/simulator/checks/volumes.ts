import { labels } from '../../../agent/labels';
import { volumes } from '../../../resource/objects';
import type { Volume } from '../../../resource/objects';
import type { StoreChange } from '../history';
import type { Machine } from '../machine';
import type { World } from '../world';
import type { Check, Violate } from './check';

/**
 * Data stays where it is and what it is. Invariant 1: a volume never moves. Invariant 2: no two containers run with it.
 * Invariant 5: nobody deletes what is not to be deleted, and who had it has it again.
 */
export class VolumesCheck implements Check {
  readonly #world: World;
  readonly #violate: Violate;
  /** By the beginning of its uid, which is the last part of its name on the engine. */
  readonly #volumes = new Map<string, Volume>();

  constructor(world: World, violate: Violate) {
    this.#world = world;
    this.#violate = violate;
  }

  onChange({ kind, path, object, before }: StoreChange): void {
    if (kind !== (volumes as unknown) || !object) return;
    const [was, is] = [before as Volume | undefined, object as Volume];
    this.#volumes.set(is.metadata.uid.slice(0, 8), is);
    if (was && was.metadata.uid === is.metadata.uid && was.spec.executor !== is.spec.executor) {
      this.#violate(1, `${path} moved from ${was.spec.executor} to ${is.spec.executor}`);
    }
  }

  onRemoveVolume(machine: Machine, name: string): void {
    const volume = this.#find(name);
    if (!volume || volume.metadata.deleted) return;
    this.#violate(5, `${machine.name} deletes ${volume.metadata.name}, which nobody has asked for`);
  }

  onRest(): void {
    const holders = new Map<string, string>();
    for (const machine of this.#world.machines) {
      for (const { labels: own, spec } of machine.engine.running) {
        for (const { name } of spec.volumes ?? []) {
          const holder = own[labels.name] ?? '';
          const other = holders.get(name);
          if (other) this.#violate(2, `${other} and ${holder} run with one volume, ${name}`);
          holders.set(name, holder);
          const place = this.#find(name)?.spec.executor;
          if (place === machine.name) continue;
          this.#violate(1, `${holder} has ${name} on ${machine.name}, which is on ${place ?? 'no executor'}`);
        }
      }
    }
  }

  #find(engineName: string): Volume | undefined {
    return this.#volumes.get(engineName.slice(engineName.lastIndexOf('.') + 1));
  }
}
