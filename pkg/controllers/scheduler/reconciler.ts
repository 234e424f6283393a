import type { Clock } from '../../base/clock';
import { ConflictError, ExistsError } from '../../base/errors';
import type { Random } from '../../base/random';
import type { CacheReader } from '../../reconcile/cache';
import type { Outcome, Reconciler } from '../../reconcile/reconciler';
import type { Source } from '../../reconcile/source';
import { changesOf } from '../../reconcile/source';
import type { Writer } from '../../reconcile/writer';
import { isFinished, shortName } from '../../resource/instance';
import { processOfInstance, volumesOf } from '../../resource/instance-process';
import { instances } from '../../resource/objects';
import type { Executor, Instance, Release, Volume } from '../../resource/objects';
import type { Schedule, Snapshot } from '../../scheduler/types';
import type { Write } from '../../store/store';
import type { Events } from '../event-recorder';
import { isPending, planAssignments, takesWork } from './plan';
import { volumeWrites } from './volumes';

export interface SchedulerReconcilerOptions {
  readonly caches: {
    readonly instances: CacheReader<Instance>;
    readonly executors: CacheReader<Executor>;
    readonly releases: CacheReader<Release>;
    readonly volumes: CacheReader<Volume>;
  };
  readonly schedule: Schedule;
  readonly writer: Writer;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
}

/** The only key: all pending instances are placed together, since each takes room from the others. */
const ALL = 'all';

/** Gives pending instances their executors. */
export class SchedulerReconciler implements Reconciler {
  readonly #options: SchedulerReconcilerOptions;

  constructor(options: SchedulerReconcilerOptions) {
    this.#options = options;
  }

  get sources(): readonly Source[] {
    const { instances: all, executors, volumes } = this.#options.caches;
    return [
      changesOf(all, (after, before) => (mayMatter(after, before) ? [ALL] : [])),
      changesOf(executors, (after, before) => (mayTakeMore(after, before) ? [ALL] : [])),
      // What waited for its deletion can be made anew.
      changesOf(volumes, (after) => (after ? [] : [ALL])),
    ];
  }

  async reconcile(_key: string, signal: AbortSignal): Promise<Outcome> {
    const { schedule, writer, clock } = this.#options;
    const snapshot = this.#snapshot();
    const plan = planAssignments(snapshot, schedule, new Date(clock.now()));
    const keeps = (instance: Instance) => {
      const process = snapshot.processOf(instance);
      return process !== undefined && volumesOf(instance, process).length > 0;
    };
    const writes = [...plan.assigned.filter((instance) => !keeps(instance)), ...plan.unplaced].map(update);
    const refused = await writer.commitEach(writes, [], signal);
    const conflicts = await this.#placeWithVolumes(plan.assigned.filter(keeps), snapshot, signal);
    this.#tell(plan.assigned, plan.unplaced);
    // Those have changed since; the others are placed. Look at them again.
    const [conflict] = [...refused.map(({ error }) => error), ...conflicts];
    if (conflict) throw new ConflictError(conflict.message, { cause: conflict });
    return {};
  }

  /** Each with its volumes in one transaction; those that conflict are left, and why is returned. */
  async #placeWithVolumes(
    placed: readonly Instance[],
    snapshot: Snapshot,
    signal: AbortSignal,
  ): Promise<readonly Error[]> {
    const { caches, clock, random, writer } = this.#options;
    const facts = {
      find: (formation: string, name: string) => caches.volumes.get({ formation, name }),
      uuid: () => random.uuid(),
      now: new Date(clock.now()),
    };
    const conflicts: Error[] = [];
    for (const instance of placed) {
      const process = snapshot.processOf(instance);
      if (!process) continue;
      try {
        await writer.commit([update(instance), ...volumeWrites(instance, process, facts)], [], signal);
      } catch (error) {
        if (!(error instanceof ConflictError || error instanceof ExistsError)) throw error;
        conflicts.push(error);
      }
    }
    return conflicts;
  }

  #snapshot(): Snapshot {
    const { caches } = this.#options;
    return {
      executors: caches.executors.list(),
      instances: caches.instances.list(),
      processOf: (instance) => {
        const key = { formation: instance.metadata.formation, name: instance.spec.release };
        return processOfInstance(instance, caches.releases.get(key));
      },
      volume: (formation, name) => caches.volumes.get({ formation, name }),
    };
  }

  #tell(assigned: readonly Instance[], unplaced: readonly Instance[]): void {
    const { events } = this.#options;
    for (const instance of assigned) {
      events.record({ ...about(instance), reason: 'Placed', message: `placed on ${instance.spec.executor}` });
    }
    for (const instance of unplaced) {
      const { reason, message } = instance.status;
      events.record({ ...about(instance), reason, message, warning: true });
    }
  }
}

function about(instance: Instance) {
  const { formation, uid } = instance.metadata;
  return { formation, uid, kind: instances.name, name: shortName(instance) };
}

function update(object: Instance): Write {
  return { op: 'update', kind: instances, object };
}

/** One that waits, or one that gave room back. Most changes are reports of running ones, and concern nobody here. */
function mayMatter(after: Instance | undefined, before: Instance | undefined): boolean {
  if (after && isPending(after)) return true;
  const held = before !== undefined && before.spec.executor !== '' && !isFinished(before.status.state);
  return held && (!after || isFinished(after.status.state));
}

/** Whether an executor takes work, and looks otherwise than before. */
function mayTakeMore(after: Executor | undefined, before: Executor | undefined): boolean {
  return (
    after !== before &&
    after !== undefined &&
    (takesWork(after) || (before !== undefined && takesWork(before)))
  );
}
