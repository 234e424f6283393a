import { z } from 'zod';
import { CronJobSpec_Overlap } from '../gen/gilliam/v1/cron_job';
import type { RolloutSpec } from '../gen/gilliam/v1/rollout';
import { command } from './process-schema';
import { count, duration, label, percentage, share } from './values';

const overlaps = {
  skip: CronJobSpec_Overlap.SKIP,
  allow: CronJobSpec_Overlap.ALLOW,
  replace: CronJobSpec_Overlap.REPLACE,
} as const;

export const cronJob = z
  .strictObject({
    schedule: z
      .string()
      .describe(
        'Minute, hour, day of month, month, day of week; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.',
      )
      .meta({ examples: ['30 3 * * *', '@daily'] }),
    time_zone: z
      .string()
      .optional()
      .describe('Of the schedule.')
      .meta({ default: 'UTC', examples: ['Europe/Stockholm'] }),
    script: z.string().min(1).optional().describe('A line for the shell.'),
    command: command.optional().describe('A line for the shell, or a list: the program and its arguments.'),
    process: label.optional().describe('Whose environment and resources are taken.'),
    overlap: z
      .enum(['skip', 'allow', 'replace'], { error: 'must be skip, allow or replace' })
      .transform((word) => overlaps[word])
      .optional()
      .describe('What is done when the last run is still under way.')
      .meta({ default: 'skip' }),
    catch_up: duration
      .optional()
      .describe('A run that was missed is made up for, once, when it is not older than this.')
      .meta({ default: '1m' }),
    deadline: duration.optional().describe('A run that takes longer is stopped.'),
    suspended: z.boolean().optional().describe('Not run for now.'),
  })
  .refine((job) => (job.script === undefined) !== (job.command === undefined), {
    error: 'runs one command: give script or command',
  });

export type ManifestCronJob = z.output<typeof cronJob>;

const rateRule = 'is not a rate: write 2/s or 10/m';
const perMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** `2/s` → milliseconds between two instances. */
const rate = z
  .string({ error: rateRule })
  .regex(/^[1-9]\d{0,3}\/[smh]$/, { error: rateRule })
  .transform((text) => {
    const [number = '1', unit = 's'] = text.split('/');
    return Math.round((perMs[unit] ?? 1_000) / Number(number));
  });

const canary = z
  .union([
    count(1, 10_000).transform((instances) => ({ instances })),
    share.transform((percent) => ({ percent })),
    z
      .strictObject({
        instances: count(1, 10_000).optional().describe('Of each process.'),
        percent: share.optional().describe("Of each process's instances."),
        traffic: share
          .optional()
          .describe('The share of the requests; as many as its instances are without.'),
      })
      .refine(({ instances, percent }) => (instances === undefined) !== (percent === undefined), {
        error: 'has one size: give instances or percent',
      }),
  ])
  .describe('Stop there, until `gilliam promote` or `gilliam abort`.')
  .meta({ examples: [1, '10%', { instances: 1, traffic: '5%' }] });

const gates = z
  .strictObject({
    ignore_requests: z.boolean().optional().describe('No verdict by requests.'),
    min_requests: count(1, 1_000_000)
      .optional()
      .describe('Before there is a verdict.')
      .meta({ default: 100 }),
    max_errors: percentage
      .optional()
      .describe('Beyond what fails of the old release.')
      .meta({ default: '5%' }),
    max_slowdown: percentage.optional().describe('Of the 95th percentile.').meta({ default: '100%' }),
    max_restarts: count(1, 1_000).optional().describe('Of one new instance.').meta({ default: 3 }),
  })
  .describe('When a new release is taken back by itself.');

/** How what runs moves to a new release. */
export const rollout = z
  .strictObject({
    rate: rate
      .optional()
      .describe('Instances in a time; as fast as they get healthy without.')
      .meta({ examples: ['2/s'] }),
    surge: count(1, 10_000)
      .optional()
      .describe('Instances beyond the factor, of each process.')
      .meta({ default: 1 }),
    wait_healthy: duration
      .optional()
      .describe('That a new instance has to be healthy before an old one goes.'),
    progress_deadline: duration
      .optional()
      .describe('Without progress for as long, it is aborted.')
      .meta({ default: '10m' }),
    canary: canary.optional(),
    gates: gates.optional(),
    allow_missing: z.boolean().optional().describe('Processes that the new release lacks disappear.'),
  })
  .transform((value): Partial<RolloutSpec> => ({
    paceMs: value.rate ?? 0,
    surge: value.surge ?? 0,
    waitHealthyMs: value.wait_healthy ?? 0,
    progressDeadlineMs: value.progress_deadline ?? 0,
    allowMissing: value.allow_missing ?? false,
    ...(value.canary !== undefined && { canary: canaryOf(value.canary) }),
    ...(value.gates && {
      gates: {
        ignoreRequests: value.gates.ignore_requests ?? false,
        minRequests: value.gates.min_requests ?? 0,
        maxErrorPercent: value.gates.max_errors ?? 0,
        maxSlowdownPercent: value.gates.max_slowdown ?? 0,
        maxRestarts: value.gates.max_restarts ?? 0,
      },
    }),
  }))
  .describe('How what runs moves to a new release.');

function canaryOf(value: {
  readonly instances?: number;
  readonly percent?: number;
  readonly traffic?: number;
}): RolloutSpec['canary'] {
  const { instances, percent = 0, traffic } = value;
  return {
    size:
      instances === undefined
        ? { $case: 'percent', value: percent }
        : { $case: 'instances', value: instances },
    ...(traffic !== undefined && { trafficPercent: traffic }),
  };
}
