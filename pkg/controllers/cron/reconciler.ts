import type { Clock } from '../../base/clock';
import type { Random } from '../../base/random';
import type { CacheReader } from '../../reconcile/cache';
import type { Outcome, Reconciler } from '../../reconcile/reconciler';
import type { Source } from '../../reconcile/source';
import { changesOf } from '../../reconcile/source';
import type { Writer } from '../../reconcile/writer';
import { isRunOf, newRun } from '../../resource/cron-run';
import { currentRelease } from '../../resource/current-release';
import { shortName } from '../../resource/instance';
import { cronJobs, instances } from '../../resource/objects';
import type { CronJob, Formation, Instance, Release, Rollout, Scale } from '../../resource/objects';
import { ROLLOUT } from '../../resource/rollout';
import { readSchedule } from '../../resource/schedule';
import type { Guard, Write } from '../../store/store';
import type { Events } from '../event-recorder';
import { finished, stopped } from '../formation/instance-changes';
import { planCron } from './plan';
import type { CronPlan } from './plan';
import { isSame, statusAfter } from './status';

export interface CronReconcilerOptions {
  readonly caches: {
    readonly formations: CacheReader<Formation>;
    readonly releases: CacheReader<Release>;
    readonly scales: CacheReader<Scale>;
    readonly rollouts: CacheReader<Rollout>;
    readonly instances: CacheReader<Instance>;
    readonly cronJobs: CacheReader<CronJob>;
  };
  readonly writer: Writer;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
}

/** The longest sleep: a clock that is set forward is noticed, and no timer has to be longer than it can. */
const MAX_WAIT_MS = 60_000;

/** The keys are `<formation>/<job>`. Runs what is due, and says what became of it. */
export class CronReconciler implements Reconciler {
  readonly #options: CronReconcilerOptions;

  constructor(options: CronReconcilerOptions) {
    this.#options = options;
  }

  get sources(): readonly Source[] {
    const { caches } = this.#options;
    return [
      changesOf(caches.cronJobs, (after) => (after ? [keyOf(after.metadata)] : [])),
      changesOf(caches.instances, (after, before) => {
        const { metadata, spec } = after ?? before ?? {};
        const name = spec?.oneOff?.cronJob ?? '';
        return metadata && name !== '' ? [keyOf({ formation: metadata.formation, name })] : [];
      }),
    ];
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { caches, clock } = this.#options;
    const [formation = '', name = ''] = key.split('/');
    const job = caches.cronJobs.get({ formation, name });
    const owner = caches.formations.get({ formation: '', name: formation });
    if (!job || !owner || owner.metadata.deleted) return {};
    const schedule = readSchedule(job.spec.schedule, job.spec.timeZone);
    // It was checked when it was written: by a version that knew another schedule, then.
    if (!('next' in schedule)) {
      const { description: message } = schedule;
      if (job.status.lastMessage === message) return {};
      await this.#write(job, { stop: [], happenings: [{ reason: 'Failed', message }] }, signal);
      return {};
    }
    const siblings = caches.instances.list(formation);
    const plan = planCron({
      job,
      schedule,
      runs: siblings.filter((instance) => isRunOf(job, instance)),
      release: currentRelease(
        caches.releases.list(formation),
        caches.scales.list(formation),
        caches.rollouts.get({ formation, name: ROLLOUT }),
      ),
      now: new Date(clock.now()),
    });
    await this.#write(job, plan, signal);
    const { requeueAfterMs } = plan;
    return requeueAfterMs === undefined ? {} : { requeueAfterMs: Math.min(requeueAfterMs, MAX_WAIT_MS) };
  }

  /**
   * The run and the status that says so in one transaction: the job's revision is its guard, so that of two who think
   * that they lead one starts the run and the other is refused.
   */
  async #write(job: CronJob, plan: CronPlan, signal: AbortSignal): Promise<void> {
    const { caches, writer, clock, random } = this.#options;
    const now = new Date(clock.now());
    const { formation } = job.metadata;
    const writes = plan.stop.map((run): Write => ({
      op: 'update',
      kind: instances,
      object: run.spec.executor === '' ? finished(run, now) : stopped(run),
    }));
    const happenings = [...plan.happenings];
    let started: Instance | undefined;
    if (plan.start) {
      const { release, due } = plan.start;
      started = newRun(job, release, caches.instances.list(formation), { uid: random.uuid(), due, now });
      writes.push({ op: 'create', kind: instances, object: started });
      happenings.push({ reason: 'Started', message: `${shortName(started)} was started` });
    }
    const status = statusAfter(job, { plan, happenings, started });
    const same = isSame(status, job.status);
    const after: CronJob = { ...job, status };
    if (!same) writes.push({ op: 'update', kind: cronJobs, object: after });
    await writer.commit(writes, same ? [unchanged(job)] : [], signal);
    for (const { reason, message } of happenings) {
      const { name, uid } = job.metadata;
      const warning = reason === 'Failed' || reason === 'Missed';
      this.#options.events.record({ formation, kind: cronJobs.name, name, uid, reason, message, warning });
    }
  }
}

function keyOf({ formation, name }: { readonly formation: string; readonly name: string }): string {
  return `${formation}/${name}`;
}

function unchanged({ metadata: { formation, name, revision } }: CronJob): Guard {
  return { guard: 'object', kind: cronJobs, key: { formation, name }, revision };
}
