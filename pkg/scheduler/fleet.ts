import { isFinished } from '../resource/instance';
import type { Instance } from '../resource/objects';
import { Census } from './census';
import type { Demand } from './demand';
import { demandOf, processKey } from './demand';
import type { Reservation } from './executor-load';
import { ExecutorLoad } from './executor-load';
import { hashText } from './hash';
import type { Snapshot } from './types';

/** All executors with what is placed on them, made of a snapshot, which stays as it is. */
export class Fleet {
  /**
   * In the order that breaks ties of rank: by a hash of the name. It is stable, so that a plan that is made again comes
   * out the same, and follows neither racks nor ages, as names do.
   */
  readonly loads: readonly ExecutorLoad[];
  readonly census = new Census();
  /** The indexes of the executors that something was placed on, in that order. */
  readonly placed: number[] = [];
  readonly #byName: ReadonlyMap<string, ExecutorLoad>;
  readonly #demands = new Map<string, Demand | undefined>();

  /** `without`: an instance that is left out, as if it were not placed. */
  constructor(
    readonly snapshot: Snapshot,
    without?: Instance,
  ) {
    this.loads = [...snapshot.executors]
      .map((executor) => ({ executor, name: executor.metadata.name, hash: hashText(executor.metadata.name) }))
      .sort((left, right) => left.hash - right.hash || compareText(left.name, right.name))
      .map(({ executor }, index) => new ExecutorLoad(executor, index, this.census));
    this.#byName = new Map(this.loads.map((load) => [load.name, load]));
    for (const instance of snapshot.instances) {
      if (instance.spec.executor === '' || isFinished(instance.status.state)) continue;
      if (without && instance.metadata.uid === without.metadata.uid) continue;
      this.#byName.get(instance.spec.executor)?.place(processKey(instance), this.#reservationOf(instance));
    }
  }

  /** Places an instance of the demand. */
  place(index: number, instance: Instance, demand: Demand): ExecutorLoad {
    const load = this.loads[index] as ExecutorLoad;
    load.place(processKey(instance), demand);
    this.placed.push(index);
    return load;
  }

  /** Undefined when the instance's release is gone. */
  demandOf(instance: Instance): Demand | undefined {
    // Of a process of a release, which never changes: looked at once.
    const key = `${instance.spec.release} ${processKey(instance)}`;
    const known = this.#demands.get(key);
    if (known || this.#demands.has(key)) return known;
    const process = this.snapshot.processOf(instance);
    const demand = process && demandOf(instance, process);
    this.#demands.set(key, demand);
    return demand;
  }

  #reservationOf(instance: Instance): Reservation {
    return this.demandOf(instance) ?? { cpuMillis: 0, memoryBytes: 0 };
  }
}

/** By UTF-16 units: the same everywhere, unlike localeCompare. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
