import { volumesOf } from '../../resource/instance-process';
import type { Volume } from '../../resource/objects';
import type { Owner } from '../driver';
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
export function engineVolumes({ instance, process }: Task, owner: Owner): readonly EngineVolume[] {
  const { metadata, spec } = instance;
  return volumesOf(instance, process).map(({ name: volume, path }) => ({
    name: engineVolumeName(owner, metadata.formation, {
      service: spec.process,
      ordinal: spec.ordinal,
      volume,
    }),
    path,
    labels: {
      [labels.stage]: owner.key,
      [labels.executor]: owner.executor,
      [labels.formation]: metadata.formation,
      [labels.process]: spec.process,
      [labels.ordinal]: String(spec.ordinal),
    },
  }));
}

/**
 * The same for every holder of the ordinal, which is what makes it keep anything; no other stage at the engine has it.
 * Dots, which no part has, keep two from having the same.
 */
export function engineVolumeName(
  owner: Pick<Owner, 'key'>,
  formation: string,
  { service, ordinal, volume }: Pick<Volume['spec'], 'service' | 'ordinal' | 'volume'>,
): string {
  return [owner.key, formation, service, ordinal, volume].join('.');
}
