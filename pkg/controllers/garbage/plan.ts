import { isFinished } from '../../resource/instance';
import type { Event, Formation, Instance, Volume } from '../../resource/objects';
import { groupBy } from '../group';

/** How long and how many things are remembered that nobody needs to do their work. */
export interface Retention {
  /** Finished instances. Default 10 minutes. */
  readonly finishedMs: number;
  /** Finished one-offs, cron jobs' not among them: whoever ran them has seen their end. Default 1 minute. */
  readonly oneOffMs: number;
  /** Finished instances of one process, the newest of each ordinal not counted. Default 50. */
  readonly finishedPerProcess: number;
  /** Events since they last happened. Default 24 hours. */
  readonly eventMs: number;
  /** Events of one formation. Default 1,000. */
  readonly eventsPerFormation: number;
}

export const defaultRetention: Retention = {
  finishedMs: 600_000,
  oneOffMs: 60_000,
  finishedPerProcess: 50,
  eventMs: 86_400_000,
  eventsPerFormation: 1_000,
};

export interface InstancesPlan {
  readonly forget: readonly Instance[];
  /** When the next one has been remembered for long enough. */
  readonly requeueAfterMs?: number;
}

/**
 * Which finished instances to forget. The newest holder of each ordinal is kept however old it is: the next one counts
 * its incarnation and its failures on from it, so that no name is used twice. There are no more of those than the
 * process ever had instances at once. Of one-offs, which may be many, none is kept for that.
 */
export function planInstances(
  instances: readonly Instance[],
  retention: Retention,
  now: Date,
): InstancesPlan {
  const forget: Instance[] = [];
  let requeueAfterMs = Infinity;
  for (const some of groupBy(instances, (instance) => instance.spec.process).values()) {
    const newest = newestOfEachOrdinal(some);
    const old = some
      .filter((instance) => isFinished(instance.status.state) && !newest.has(instance))
      .sort((a, b) => finishedMs(b) - finishedMs(a) || (a.metadata.name < b.metadata.name ? -1 : 1));
    old.forEach((instance, index) => {
      const keptMs = somebodyRan(instance) ? retention.oneOffMs : retention.finishedMs;
      const leftMs = finishedMs(instance) + keptMs - now.getTime();
      if (index >= retention.finishedPerProcess || leftMs <= 0) forget.push(instance);
      else requeueAfterMs = Math.min(requeueAfterMs, leftMs);
    });
  }
  return requeueAfterMs === Infinity ? { forget } : { forget, requeueAfterMs };
}

/** Which events to forget: those that are old, and the oldest of those that are too many. */
export function planEvents(events: readonly Event[], retention: Retention, now: Date): readonly Event[] {
  return events
    .toSorted((a, b) => happenedMs(b) - happenedMs(a) || (a.metadata.name < b.metadata.name ? -1 : 1))
    .filter(
      (event, index) =>
        index >= retention.eventsPerFormation || happenedMs(event) + retention.eventMs <= now.getTime(),
    );
}

/** Whether deletion was asked for and nothing of the formation runs any more. */
export function isOver(formation: Formation | undefined, instances: readonly Instance[]): boolean {
  return isDeleted(formation) && instances.every((instance) => isFinished(instance.status.state));
}

/** What becomes of the volumes of a formation that is deleted. */
export interface VolumesPlan {
  /** With the deletion asked for: their executors are told. */
  readonly ask: readonly Volume[];
  /** Nobody waits for: their executors are lost, and keep the data if they ever return. */
  readonly forget: readonly Volume[];
}

/** `isLost`: whether an executor is lost or not known at all. */
export function planVolumes(
  formation: Formation | undefined,
  volumes: readonly Volume[],
  isLost: (executor: string) => boolean,
): VolumesPlan {
  if (!isDeleted(formation)) return { ask: [], forget: [] };
  const deleted = formation?.metadata.deleted;
  const forget = volumes.filter(({ spec }) => isLost(spec.executor));
  const ask = volumes
    .filter((volume) => !volume.metadata.deleted && !forget.includes(volume))
    .map((volume) => ({ ...volume, metadata: { ...volume.metadata, deleted: deleted ?? new Date(0) } }));
  return { ask, forget };
}

function isDeleted(formation: Formation | undefined): boolean {
  return !formation || formation.metadata.deleted !== undefined;
}

function newestOfEachOrdinal(instances: readonly Instance[]): ReadonlySet<Instance> {
  const newest = new Map<number, Instance>();
  for (const instance of instances) {
    if (instance.spec.oneOff) continue;
    const other = newest.get(instance.spec.ordinal);
    if (!other || other.spec.incarnation < instance.spec.incarnation)
      newest.set(instance.spec.ordinal, instance);
  }
  return new Set(newest.values());
}

function somebodyRan({ spec: { oneOff } }: Instance): boolean {
  return oneOff !== undefined && oneOff.cronJob === '';
}

function finishedMs(instance: Instance): number {
  return (instance.status.changed ?? instance.metadata.created)?.getTime() ?? 0;
}

function happenedMs(event: Event): number {
  return (event.last ?? event.metadata.created)?.getTime() ?? 0;
}
