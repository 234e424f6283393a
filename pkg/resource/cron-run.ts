import { CronJobSpec_Overlap } from '../gen/gilliam/v1/cron_job';
import { entryOf } from './entries';
import type { CronJob, Instance, Release } from './objects';
import { newOneOff, nextPlace } from './one-off';

const DEFAULT_CATCH_UP_MS = 60_000;

export function catchUpMsOf({ spec }: CronJob): number {
  return spec.catchUpMs || DEFAULT_CATCH_UP_MS;
}

export function overlapOf({ spec }: CronJob): CronJobSpec_Overlap {
  return spec.overlap === CronJobSpec_Overlap.UNSPECIFIED ? CronJobSpec_Overlap.SKIP : spec.overlap;
}

/** Whether the instance is a run of the job. */
export function isRunOf(job: CronJob, { spec }: Instance): boolean {
  return spec.oneOff !== undefined && spec.oneOff.cronJob === job.metadata.name;
}

/** Why the job cannot be run with this release; undefined when it can. */
export function whyNotRunnable({ spec }: CronJob, release: Release | undefined): string | undefined {
  if (!release) return 'there is no release to run it in: gilliam deploy';
  const process = entryOf(release.spec.processes, spec.process);
  const { name } = release.metadata;
  if (spec.process !== '' && !process) return `${name} has no process ${spec.process}: see gilliam releases`;
  if (!release.spec.image && !process?.image) return `${name} has no image: gilliam deploy`;
  return undefined;
}

/**
 * The instance that is a run of the job. `siblings` are all of the formation's instances that are remembered: its
 * ordinal is the lowest that none of them holds, its incarnation the minute in which it was due, so that a run has the
 * same name whoever makes it.
 */
export function newRun(
  job: CronJob,
  release: Release,
  siblings: readonly Instance[],
  made: { readonly uid: string; readonly due: Date; readonly now: Date },
): Instance {
  const { name: process, formation } = job.metadata;
  const { ordinal, incarnation: next } = nextPlace(siblings, process);
  const minute = Math.floor(made.due.getTime() / 60_000);
  // Of two within a minute, the second is one that somebody asked for.
  const incarnation = Math.max(next, minute);
  const { uid, now } = made;
  return newOneOff(
    { formation, uid, release: release.metadata.name, process, ordinal, incarnation, now },
    {
      command: job.spec.command,
      like: job.spec.process,
      cronJob: process,
      deadlineMs: job.spec.deadlineMs,
    },
  );
}
