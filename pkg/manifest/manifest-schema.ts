import { z } from 'zod';
import { rank as compileRank, requirement as compileRequirement } from '../scheduler/expression';
import { cronJob, rollout } from './delivery-schema';
import { command, health, ports, resources } from './process-schema';
import { routes } from './route-schema';
import { count, duration, label, oneOrMore, percentage, serviceName, variable, variables } from './values';

/** A CEL expression, with the column of what is wrong with it. */
function expression(compile: (text: string) => { readonly violation?: string }) {
  return z.string().superRefine((text, context) => {
    const { violation } = compile(text);
    if (violation === undefined) return;
    const column = /^column (\d+):/.exec(violation)?.[1];
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(text.slice(0, 80))}: ${violation}`,
      params: { column: column === undefined ? undefined : Number(column) },
    });
  });
}

const requirements = oneOrMore(expression(compileRequirement))
  .describe('CEL expressions that must all be true of the executor.')
  .meta({ examples: [["tags.disk == 'ssd'"]] });
const rank = expression(compileRank)
  .describe('A CEL expression; the executor with the highest value is taken.')
  .meta({ default: '-ncont' });

const needs = oneOrMore(
  z.string().regex(/^_?[a-z][-a-z0-9]*(?:\.[a-z][-a-z0-9]*)?$/, {
    error: 'is no service: write web or _cache of this formation, web.other of another one',
  }),
)
  .describe('Services that it calls: they come up first where everything is applied together.')
  .meta({ examples: [['_cache', 'web.accounts']] });

const factor = count(0, 10_000);

const scale = z
  .union([
    factor,
    z
      .strictObject({
        min: factor.describe('0: none when nothing is asked of it, and back with the first request.'),
        max: count(1, 10_000),
        target: z
          .strictObject({
            cpu: percentage.optional().describe('Of what the process may use.'),
            memory: percentage.optional().describe('Of what the process may use.'),
            rps: count(1, 1_000_000).optional().describe('Requests a second to each instance.'),
            p95: duration.optional().describe('Ninety-five of a hundred requests are answered in this time.'),
          })
          .refine((target) => Object.values(target).some((each) => each !== undefined), {
            error: 'is empty: give cpu, memory, rps or p95',
          }),
      })
      .superRefine(({ min, max }, context) => {
        if (min <= max) return;
        context.addIssue({
          code: 'custom',
          path: ['min'],
          message: `is ${min}, which is more than max, ${max}`,
        });
      }),
  ])
  .describe('How many instances: a number, or for an autoscaler the bounds and what it is to reach.')
  .meta({ examples: [2, { min: 2, max: 20, target: { cpu: '60%', rps: 100, p95: '200ms' } }] });

const processSchema = z
  .strictObject({
    script: z
      .string()
      .min(1, { error: 'is empty: give the command line' })
      .optional()
      .describe('A line for the shell, as in a Procfile.')
      .meta({ examples: ['node server.js'] }),
    command: command.optional().describe('A line for the shell, or a list: the program and its arguments.'),
    ports: ports.optional(),
    env: variables
      .optional()
      .describe('Variables of this process alone.')
      .meta({ examples: [{ LEVEL: 'info' }] }),
    scale: scale.optional(),
    health: health.optional(),
    resources: resources.optional(),
    requirements: requirements.optional(),
    rank: rank.optional(),
    grace: duration.optional().describe('Between SIGTERM and SIGKILL.').meta({ default: '10s' }),
    drain: duration
      .optional()
      .describe('Before SIGTERM, for the requests under way to end.')
      .meta({ default: '10s' }),
    needs: needs.optional(),
  })
  .refine((each) => each.script === undefined || each.command === undefined, {
    error: 'has a script and a command: give one of them',
    path: ['command'],
  });

const auxiliarySchema = z.strictObject({
  type: z
    .string()
    .describe('`redis`, `postgres`, or a type of your own.')
    .meta({ examples: ['redis'] }),
  version: variable
    .optional()
    .describe("One of the type's; its default without.")
    .meta({ examples: ['7'] }),
  env: variables.optional().describe('Variables of its instances, besides those of the type.'),
  scale: factor.optional().describe('How many instances.').meta({ default: 1 }),
  options: variables
    .optional()
    .describe('What the type lets you choose.')
    .meta({ examples: [{ maxmemory: '64mb' }] }),
  resources: resources.optional().describe("In place of the type's."),
  requirements: requirements.optional(),
  rank: rank.optional(),
});

const serviceOfFormation = z.string().regex(/^_?[a-z][-a-z0-9]*\.[a-z][-a-z0-9]*$/, {
  error: 'is no service of a formation: write web.accounts',
});

/** `run` is what `gilliam run` calls its instances. */
const processName = z
  .string()
  .refine((name) => !name.startsWith('_'), {
    error: 'is no process: a leading _ is for auxiliary services, put it below auxiliary',
    abort: true,
  })
  .refine((name) => name !== 'run', { error: 'is what gilliam run calls its instances: choose another name' })
  .pipe(label);

const auxiliaryName = z
  .string()
  .refine((name) => name.startsWith('_'), {
    error: 'is no auxiliary service: its name begins with _, as in _cache',
    abort: true,
  })
  .pipe(serviceName);

/** `gilliam.yml`, all of it. What validates, what editors complete by, and docs/manifest.md are made of this. */
export const manifestSchema = z
  .strictObject({
    formation: label
      .optional()
      .describe('What is described. Without: as `.gilliam.app` says, or `--formation`.')
      .meta({ examples: ['shop'] }),
    source: z
      .string()
      .regex(/^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[^\0]+$/, {
        error: 'is not a directory below that of this file: write . or a relative path',
      })
      .optional()
      .describe("The directory that the image is built from, as it is in git's HEAD, relative to this file.")
      .meta({ default: '.' }),
    image: z
      .string()
      .regex(/^(?:[a-z0-9][-a-z0-9._:/]*@)?sha256:[0-9a-f]{64}$/, {
        error: 'is not named by digest: write sha256:<64 digits> or host/name@sha256:<64 digits>',
      })
      .optional()
      .describe('An image that is there already, in place of a source.'),
    config: variables
      .optional()
      .describe('Variables of every process; added to those that `gilliam config` has set.'),
    processes: z
      .record(processName, processSchema)
      .optional()
      .describe('By name. Refines what a Procfile says.'),
    auxiliary: z
      .record(auxiliaryName, auxiliarySchema)
      .optional()
      .describe('Services that run beside the processes, by name; `_cache` is found by `CACHE_URL`.'),
    routes: routes.optional(),
    cron: z.record(processName, cronJob).optional().describe('Commands that are run by the clock, by name.'),
    imports: z
      .record(label, serviceOfFormation)
      .optional()
      .describe("Names of this formation's own for the services of others.")
      .meta({ examples: [{ users: 'web.accounts' }] }),
    shares: z
      .record(serviceName, oneOrMore(z.union([label, z.literal('*')])))
      .optional()
      .describe('Service → the formations that may use it though it is an auxiliary service; `*` for all.')
      .meta({ examples: [{ _db: ['reports'] }] }),
    rollout: rollout.optional(),
    limits: z
      .strictObject({
        max_instances: count(1, 100_000)
          .optional()
          .describe('The sum of all scale factors.')
          .meta({ default: 1000 }),
      })
      .optional()
      .describe('Of the formation.'),
  })
  .describe('A formation: what it is made of, and how much of it is to run.');

/** A manifest as it was read: every field in the units of the contract. */
export type ManifestFile = z.output<typeof manifestSchema>;
export type ManifestProcess = z.output<typeof processSchema>;
export type ManifestAuxiliary = z.output<typeof auxiliarySchema>;
