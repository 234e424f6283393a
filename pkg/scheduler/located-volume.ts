import type { Process } from '../gen/gilliam/v1/release';
import { volumeName, volumesOf } from '../resource/instance-process';
import type { Instance, Volume } from '../resource/objects';
import type { ExecutorLoad } from './executor-load';

/** A volume of an instance that there is already: where it is, the instance has to go. */
export interface LocatedVolume {
  readonly name: string;
  readonly executor: string;
  /** Somebody has asked for its deletion: nothing gets it any more. */
  readonly deleted: boolean;
  /** Absent when the executor is not known any more. */
  readonly load: ExecutorLoad | undefined;
}

/** Finds volumes by formation and name. */
export type FindVolume = (formation: string, name: string) => Volume | undefined;

/** Those volumes of an instance that have been made before. */
export function locate(
  instance: Instance,
  process: Process,
  find: FindVolume,
  loadOf: (executor: string) => ExecutorLoad | undefined,
): LocatedVolume[] {
  const { metadata, spec } = instance;
  return volumesOf(instance, process).flatMap(({ name: volume }) => {
    const found = find(metadata.formation, volumeName(spec.process, spec.ordinal, volume));
    if (!found) return [];
    const { executor } = found.spec;
    const deleted = found.metadata.deleted !== undefined;
    return [{ name: found.metadata.name, executor, deleted, load: loadOf(executor) }];
  });
}
