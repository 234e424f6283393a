import type { Client } from '../../../pkg/client/client';
import { CronJob } from '../../../pkg/gen/gilliam/v1/cron_job';

/** Says whether a cron job is run by its schedule. */
export async function setSuspended(
  client: Client,
  job: {
    readonly formation: string;
    readonly name: string;
    readonly suspended: boolean;
    readonly plan: boolean;
  },
  signal: AbortSignal,
): Promise<CronJob> {
  const { formation, name, suspended } = job;
  const { cronJob } = await client.cron.updateCronJob(
    {
      cronJob: { metadata: { formation, name }, spec: { suspended } },
      updateMask: ['suspended'],
      validateOnly: job.plan,
    },
    { signal },
  );
  return cronJob ?? CronJob.fromPartial({});
}
