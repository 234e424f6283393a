import { ConflictError } from '../../base/errors';
import type { Process } from '../../gen/gilliam/v1/release';
import { volumeName, volumesOf } from '../../resource/instance-process';
import { volumes } from '../../resource/objects';
import type { Instance, Volume } from '../../resource/objects';
import type { Write } from '../../store/store';

/** What there is to know and to have for making volumes. */
export interface VolumeFacts {
  find(formation: string, name: string): Volume | undefined;
  uuid(): string;
  readonly now: Date;
}

/**
 * The volumes of an instance that is being placed, to be written with it: those that it has not got yet are made on its
 * executor. Those that there are become newer, so that a deletion which was decided before is refused. Throws
 * ConflictError for one that is elsewhere: without its volume an instance is never placed.
 */
export function volumeWrites(placed: Instance, process: Process, facts: VolumeFacts): Write[] {
  const { metadata, spec } = placed;
  return volumesOf(placed, process).map(({ name: volume }): Write => {
    const name = volumeName(spec.process, spec.ordinal, volume);
    const found = facts.find(metadata.formation, name);
    if (found && found.spec.executor !== spec.executor) {
      throw new ConflictError(`volume ${name} is on ${found.spec.executor}, not on ${spec.executor}`);
    }
    if (found) return { op: 'update', kind: volumes, object: found };
    const object: Volume = {
      metadata: {
        name,
        formation: metadata.formation,
        uid: facts.uuid(),
        generation: 1n,
        revision: 0n,
        labels: {},
        created: facts.now,
      },
      spec: { service: spec.process, ordinal: spec.ordinal, volume, executor: spec.executor },
    };
    return { op: 'create', kind: volumes, object };
  });
}
