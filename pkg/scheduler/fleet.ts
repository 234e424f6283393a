import type { Process } from '../gen/gilliam/v1/release';
import { isFinished } from '../resource/instance';
import type { Instance } from '../resource/objects';
import { Census } from './census';
import type { Demand } from './demand';
import { confined, demandOf, processKey } from './demand';
import type { Reservation } from './executor-load';
import { ExecutorLoad } from './executor-load';
import { hashText } from './hash';
import { locate } from './located-volume';
import type { Snapshot } from './types';

/** A process of a release, and what its instances ask for. */
interface Known {
  readonly definition: Process;
  readonly demand: Demand;
}

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
  readonly #known = new Map<string, Known | undefined>();

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
    const process = this.#processOf(instance);
    if (!process) return undefined;
    const { oneOff } = instance.spec;
    if (!oneOff?.executor && process.definition.volumes.length === 0) return process.demand;
    const volumes = locate(
      instance,
      process.definition,
      (formation, name) => this.snapshot.volume?.(formation, name),
      (executor) => this.#byName.get(executor),
    );
    return confined(process.demand, oneOff?.executor ?? '', volumes);
  }

  #reservationOf(instance: Instance): Reservation {
    return this.#processOf(instance)?.demand ?? { cpuMillis: 0, memoryBytes: 0 };
  }

  /** Of a process of a release, which never changes: looked at once. */
  #processOf(instance: Instance): Known | undefined {
    const { release, oneOff } = instance.spec;
    // A one-off may be of a process that the release does not have, or like another one.
    const key = `${release} ${processKey(instance)}${oneOff ? ` once ${oneOff.like}` : ''}`;
    const known = this.#known.get(key);
    if (known || this.#known.has(key)) return known;
    const definition = this.snapshot.processOf(instance);
    const found = definition && {
      definition,
      demand: demandOf(instance, definition),
    };
    this.#known.set(key, found);
    return found;
  }
}

/** By UTF-16 units: the same everywhere, unlike localeCompare. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
