import { CronJobSpec_Overlap } from '../../gen/gilliam/v1/cron_job';
import { InstanceSpec_Desired } from '../../gen/gilliam/v1/instance';
import { catchUpMsOf, overlapOf, whyNotRunnable } from '../../resource/cron-run';
import { isFinished, shortName } from '../../resource/instance';
import type { CronJob, Instance, Release } from '../../resource/objects';
import type { Schedule } from '../../resource/schedule';
import { whatIsDue } from './due';
import type { CronHappening } from './happening';
import { resultOf } from './result';

export interface CronView {
  readonly job: CronJob;
  readonly schedule: Schedule;
  /** Of the job, all that are remembered. */
  readonly runs: readonly Instance[];
  /** The formation's current one. */
  readonly release?: Release;
  readonly now: Date;
}

export interface CronPlan {
  /** A run to be made, for the time that it was due. */
  readonly start?: { readonly release: Release; readonly due: Date };
  readonly stop: readonly Instance[];
  readonly happenings: readonly CronHappening[];
  /** The newest time that was due and has been dealt with; absent when none was. */
  readonly lastDue?: Date;
  /** Absent for a job that is suspended, or due never again. */
  readonly nextDue?: Date;
  readonly requeueAfterMs?: number;
}

/**
 * What to do about a job now. What it waits for stands in its status (`next_due`), so that whoever leads next knows what
 * was missed meanwhile; a job that was suspended or given another schedule begins anew.
 */
export function planCron(view: CronView): CronPlan {
  const { job, now, runs } = view;
  const living = runs.filter(({ status }) => !isFinished(status.state));
  const late = living.filter((run) => isPastDeadline(run, now));
  const ended = endOfLastRun(job, runs);
  const rest = job.spec.suspended
    ? { stop: [], happenings: [] }
    : planNext(view, living, awaited(view) ?? view.schedule.next(now));
  const plan = {
    ...rest,
    stop: [...new Set([...late, ...rest.stop])],
    happenings: [...(ended ? [ended] : []), ...rest.happenings],
  };
  const waits = [
    // One that is due already waits for a run to end, which is a change.
    ...(plan.nextDue && plan.nextDue > now ? [plan.nextDue.getTime() - now.getTime()] : []),
    ...living.filter((run) => !plan.stop.includes(run)).map((run) => leftMs(run, now)),
  ].filter(Number.isFinite);
  return waits.length === 0 ? plan : { ...plan, requeueAfterMs: Math.max(1, Math.min(...waits)) };
}

/** The time that the job waits for; undefined when it has to begin anew. */
function awaited({ job, schedule }: CronView): Date | undefined {
  const { nextDue, observedGeneration } = job.status;
  const { created, generation } = job.metadata;
  if (observedGeneration === generation) return nextDue;
  // Made while nobody led: what has become due since is missed, not overlooked.
  if (observedGeneration === 0n) return created && schedule.next(created);
  // Changed, but not so that this would no longer be due: it still is.
  const still = nextDue && schedule.next(new Date(nextDue.getTime() - 1))?.getTime() === nextDue.getTime();
  return still ? nextDue : undefined;
}

function planNext(view: CronView, living: readonly Instance[], next: Date | undefined): CronPlan {
  const { job, schedule, release, now } = view;
  if (!next) return { stop: [], happenings: [] };
  const replacing = overlapOf(job) === CronJobSpec_Overlap.REPLACE;
  const excusedMs = replacing ? heldUpMs(view, living, next) : 0;
  const due = whatIsDue(schedule, next, now, catchUpMsOf(job) + excusedMs);
  if (!due) return { stop: [], happenings: [], nextDue: next };
  if (due.run && living.length > 0 && replacing) {
    // Again when it has ended.
    return { stop: living.filter(isWished), happenings: [], nextDue: next };
  }
  const missed: CronHappening[] = due.missed
    ? [{ reason: 'Missed', message: 'runs that were due while nobody could start them are left out' }]
    : [];
  const dealt = { stop: [], lastDue: due.last, nextDue: schedule.next(now) };
  if (!due.run) return { ...dealt, happenings: missed };
  const [underWay] = living;
  if (underWay && overlapOf(job) === CronJobSpec_Overlap.SKIP) {
    const message = `the last run is still under way: ${shortName(underWay)}`;
    return { ...dealt, happenings: [...missed, { reason: 'Skipped', message }] };
  }
  const why = whyNotRunnable(job, release);
  if (why !== undefined || !release) {
    return { ...dealt, happenings: [...missed, { reason: 'Failed', message: why ?? '' }] };
  }
  return { ...dealt, happenings: missed, start: { release, due: due.run } };
}

/** For how long a run that is due has had to wait for the one that it replaces: it is not late by that. */
function heldUpMs({ runs, now }: CronView, living: readonly Instance[], next: Date): number {
  if (living.length > 0) return Math.max(0, now.getTime() - next.getTime());
  const ends = runs
    .filter((run) => !isWished(run))
    .map(({ status }) => (status.changed?.getTime() ?? 0) - next.getTime());
  return Math.max(0, ...ends);
}

function isWished({ spec }: Instance): boolean {
  return spec.desired === InstanceSpec_Desired.RUNNING;
}

function isPastDeadline(run: Instance, now: Date): boolean {
  return isWished(run) && leftMs(run, now) <= 0;
}

/** Until its deadline; infinite without one. */
function leftMs({ metadata, spec }: Instance, now: Date): number {
  const { deadlineMs = 0 } = spec.oneOff ?? {};
  if (deadlineMs === 0 || !metadata.created || spec.desired !== InstanceSpec_Desired.RUNNING) return Infinity;
  return metadata.created.getTime() + deadlineMs - now.getTime();
}

/** What became of the last run, if that is news. */
function endOfLastRun(job: CronJob, runs: readonly Instance[]): CronHappening | undefined {
  const { lastInstance, lastReason } = job.status;
  if (lastReason !== 'Started') return undefined;
  const last = runs
    .filter((run) => shortName(run) === lastInstance)
    .reduce<Instance | undefined>(
      (newest, run) => (newest && newest.spec.incarnation > run.spec.incarnation ? newest : run),
      undefined,
    );
  if (!last) return { reason: 'Failed', message: `nothing is known of ${lastInstance} any more` };
  return isFinished(last.status.state) ? resultOf(last) : undefined;
}
