import { volumesOf } from '../../resource/instance-process';
import type { Volume } from '../../resource/objects';
import type { Owner } from '../driver';
import { EngineFault } from '../driver-errors';
import { labels } from '../labels';
import type { Task } from '../task';

/** A volume of the engine, as a container has it. */
export interface EngineVolume {
  readonly name: string;
  /** Where it is in the container. */
  readonly path: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What an instance keeps beyond its container. */
export function engineVolumes({ instance, process, volumes }: Task, owner: Owner): readonly EngineVolume[] {
  const { formation, name } = instance.metadata;
  return volumesOf(instance, process).map((mount) => {
    const volume = volumes.find(({ spec }) => spec.volume === mount.name);
    // Never without: what it writes would be lost.
    if (!volume) throw new EngineFault(`volume ${mount.name} of ${name} is not known here`);
    return {
      name: engineVolumeName(owner, volume),
      path: mount.path,
      labels: {
        [labels.stage]: owner.key,
        [labels.executor]: owner.executor,
        [labels.formation]: formation,
        [labels.process]: volume.spec.service,
        [labels.ordinal]: String(volume.spec.ordinal),
      },
    };
  });
}

/**
 * The same for every holder of the ordinal, which is what makes it keep anything. No other stage at the engine has it,
 * nor any volume that is made later by that name: what an executor was told to delete is never a newer one.
 */
export function engineVolumeName(
  owner: Pick<Owner, 'key'>,
  { metadata: { formation, uid }, spec: { service, ordinal, volume } }: Volume,
): string {
  return [owner.key, formation, service, ordinal, volume, uid.slice(0, 8)].join('.');
}
