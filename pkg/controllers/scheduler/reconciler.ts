import type { Clock } from '../../base/clock';
import { ConflictError } from '../../base/errors';
import type { CacheReader } from '../../reconcile/cache';
import type { Outcome, Reconciler } from '../../reconcile/reconciler';
import type { Source } from '../../reconcile/source';
import { changesOf } from '../../reconcile/source';
import type { Writer } from '../../reconcile/writer';
import { entryOf } from '../../resource/entries';
import { isFinished, shortName } from '../../resource/instance';
import { instances } from '../../resource/objects';
import type { Executor, Instance, Release } from '../../resource/objects';
import type { Schedule } from '../../scheduler/types';
import type { Write } from '../../store/store';
import type { Events } from '../event-recorder';
import { isPending, planAssignments, takesWork } from './plan';

export interface SchedulerReconcilerOptions {
  readonly caches: {
    readonly instances: CacheReader<Instance>;
    readonly executors: CacheReader<Executor>;
    readonly releases: CacheReader<Release>;
  };
  readonly schedule: Schedule;
  readonly writer: Writer;
  readonly events: Events;
  readonly clock: Clock;
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
    const { instances: all, executors } = this.#options.caches;
    return [
      changesOf(all, (after, before) => (mayMatter(after, before) ? [ALL] : [])),
      changesOf(executors, (after, before) => (mayTakeMore(after, before) ? [ALL] : [])),
    ];
  }

  async reconcile(_key: string, signal: AbortSignal): Promise<Outcome> {
    const { caches, schedule, writer, clock } = this.#options;
    const snapshot = {
      executors: caches.executors.list(),
      instances: caches.instances.list(),
      processOf: ({ metadata: { formation }, spec }: Instance) => {
        const release = caches.releases.get({ formation, name: spec.release });
        return release && entryOf(release.spec.processes, spec.process);
      },
    };
    const plan = planAssignments(snapshot, schedule, new Date(clock.now()));
    const refused = await writer.commitEach([...plan.assigned, ...plan.unplaced].map(update), [], signal);
    this.#tell(plan.assigned, plan.unplaced);
    // Those have changed since; the others are placed. Look at them again.
    if (refused[0]) throw new ConflictError(refused[0].error.message, { cause: refused[0].error });
    return {};
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
