import type { SeededRandom } from '../../base/random';
import { CronJobSpec_Overlap } from '../../gen/gilliam/v1/cron_job';
import {
  CreateCronJobRequest,
  DeleteCronJobRequest,
  RunCronJobRequest,
  UpdateCronJobRequest,
} from '../../gen/gilliam/v1/cron_service';
import { cronJobs, instances } from '../../resource/objects';
import type { Act } from './act';
import { below, formationOf, oneOf } from './act';
import type { World } from './world';

const jobs = ['nightly', 'report'] as const;

/** What users do with what is run by the clock. */
export const cronActs: readonly Act[] = [
  {
    name: 'cron',
    weight: 3,
    async perform(world, random) {
      const formation = formationOf(world, random);
      const { SKIP, ALLOW, REPLACE } = CronJobSpec_Overlap;
      const overlap = oneOf(random, [SKIP, SKIP, ALLOW, REPLACE]);
      // One that does not end by itself is ended by its deadline, or by nobody.
      const endless = random.next() < 0.4;
      const command = endless ? ['sleep'] : ['/bin/sh', '-c', `exit ${below(random, 2)}`];
      const deadlineMs = endless ? 20_000 : 0;
      const schedule = random.next() < 0.8 ? '* * * * *' : '*/2 * * * *';
      const request = CreateCronJobRequest.fromPartial({
        parent: `formations/${formation}`,
        cronJob: {
          metadata: { name: oneOf(random, jobs) },
          spec: { schedule, command, process: 'worker', overlap, deadlineMs },
        },
      });
      world.trace.add(`> cron ${formation} ${request.cronJob?.metadata?.name} ${command.join(' ')}`);
      const { cronJob } = await world.user.call(({ cron: api }, call) => api.createCronJob(request, call));
      world.checks.writes.acknowledged(cronJobs, cronJob as never);
    },
  },
  onJob('cron run', 2, async (world, name) => {
    const request = RunCronJobRequest.fromPartial({ name });
    const { instance } = await world.user.call(({ cron: api }, call) => api.runCronJob(request, call));
    world.checks.writes.acknowledged(instances, instance as never);
  }),
  onJob('cron suspend', 1, async (world, name, random) => {
    const [, formation, , job] = name.split('/');
    const suspended = random.next() < 0.6;
    const request = UpdateCronJobRequest.fromPartial({
      cronJob: { metadata: { formation, name: job }, spec: { suspended } },
      updateMask: ['suspended'],
    });
    const { cronJob } = await world.user.call(({ cron: api }, call) => api.updateCronJob(request, call));
    world.checks.writes.acknowledged(cronJobs, cronJob as never);
  }),
  onJob('cron delete', 1, async (world, name) => {
    const request = DeleteCronJobRequest.fromPartial({ name });
    await world.user.call(({ cron: api }, call) => api.deleteCronJob(request, call));
  }),
];

function onJob(
  name: string,
  weight: number,
  perform: (world: World, job: string, random: SeededRandom) => Promise<void>,
): Act {
  return {
    name,
    weight,
    async perform(world, random) {
      const known = world.history.list(cronJobs);
      if (known.length === 0) return;
      const { metadata } = oneOf(random, known);
      world.trace.add(`> ${name} ${metadata.formation}/${metadata.name}`);
      await perform(world, `formations/${metadata.formation}/cronJobs/${metadata.name}`, random);
    },
  };
}
