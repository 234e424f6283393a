import { CronJobStatus } from '../../gen/gilliam/v1/cron_job';
import { shortName } from '../../resource/instance';
import type { CronJob, Instance } from '../../resource/objects';
import type { CronHappening } from './happening';
import type { CronPlan } from './plan';

/** The job's status when the plan has been carried out. */
export function statusAfter(
  job: CronJob,
  done: {
    readonly plan: Pick<CronPlan, 'lastDue' | 'nextDue'>;
    readonly happenings: readonly CronHappening[];
    readonly started?: Instance;
  },
): CronJobStatus {
  const { plan, happenings, started } = done;
  const last = happenings.filter(({ reason }) => isOfRun(reason) || !isUnderWay(job, happenings)).at(-1);
  return {
    ...job.status,
    observedGeneration: job.metadata.generation,
    nextDue: plan.nextDue,
    ...(plan.lastDue && { lastDue: plan.lastDue }),
    ...(last && { lastReason: last.reason, lastMessage: last.message }),
    ...(started && { lastInstance: shortName(started) }),
  };
}

export function isSame(a: CronJobStatus, b: CronJobStatus): boolean {
  return Buffer.from(CronJobStatus.encode(a).finish()).equals(CronJobStatus.encode(b).finish());
}

/** Whether the last run's end is still to be waited for: what else happens must not take the place of `Started`. */
function isUnderWay({ status }: CronJob, happenings: readonly CronHappening[]): boolean {
  return status.lastReason === 'Started' && !happenings.some(({ reason }) => isOfRun(reason));
}

function isOfRun(reason: CronHappening['reason']): boolean {
  return reason === 'Started' || reason === 'Succeeded' || reason === 'Failed';
}
