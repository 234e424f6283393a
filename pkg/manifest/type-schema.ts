import { z } from 'zod';
import { command, health, ports, resources } from './process-schema';
import { count, duration, label, variable, variables } from './values';

/**
 * A type of auxiliary services: `gilliam.types/redis.yml`. The six that are built in are written in the same words, in
 * pkg/manifest/types.
 *
 * Texts are templates. `{version}` and `{<option>}` are filled in when a manifest is read; `{host}`, `{port}`, `{secret}`
 * and `{formation}` (in `url` and in `env`) by the platform, where they are given to a container.
 */
export const typeSchema = z
  .strictObject({
    type: label.describe('Its name, as in `_cache: {type: redis}`.'),
    summary: z.string().describe('What it is, in a line.'),
    versions: z
      .array(z.string())
      .min(1)
      .describe('Those that may be asked for. The first is the default.')
      .meta({ examples: [['7', '6']] }),
    image: z
      .strictObject({
        registry: z
          .string()
          .optional()
          .describe('Where a registry can be reached: taken from there, in place of the Debian packages.')
          .meta({ examples: ['docker.io/library/redis:{version}'] }),
        copy: z
          .record(z.string(), z.string())
          .optional()
          .describe(
            'Files of the image in the registry, path there → path here: put onto the base image, where that one has no shell to run `debian.entrypoint`.',
          ),
        debian: z
          .strictObject({
            packages: z.array(z.string()).min(1).describe('Installed on the base image.'),
            versions: z
              .array(z.string())
              .min(1)
              .optional()
              .describe('Those of `versions` that the packages give; without, only the default.'),
            prepare: z
              .string()
              .optional()
              .describe('Lines for the shell, run once before the packages are there.'),
            setup: z
              .string()
              .optional()
              .describe('Lines for the shell, run once after the packages are there.'),
            entrypoint: z
              .string()
              .describe(
                'A shell script that ends in `exec`: what runs in the container where `command` says nothing else.',
              ),
          })
          .optional()
          .describe('Where no registry answers: made of Debian packages.'),
        dockerfile: z
          .string()
          .optional()
          .describe('The text of a Dockerfile, in place of both.')
          .meta({ examples: ['FROM docker.io/library/redis:{version}'] }),
      })
      .refine(
        (image) =>
          image.registry !== undefined || image.debian !== undefined || image.dockerfile !== undefined,
        {
          error: 'says no image: give registry, debian or dockerfile',
        },
      ),
    command: command.optional().describe("The whole command; without, the image's own."),
    ports,
    env: variables.default({}).describe("Of its instances; `{secret}` is the service's own password."),
    health: health.optional(),
    resources: resources.optional(),
    volumes: z
      .record(label, z.string().regex(/^\/[^\0]*$/, { error: 'is not an absolute path' }))
      .default({})
      .describe(
        'Name → path. Kept beyond the instance, one for every ordinal, on the executor where it was made.',
      ),
    replicas: z
      .boolean()
      .default(false)
      .describe(
        'Whether it makes sense to have several with a volume each: that they replicate by themselves.',
      ),
    grace: duration.optional(),
    url: z
      .string()
      .describe("Given to the formation's processes, as `CACHE_URL` for `_cache`.")
      .meta({ examples: ['redis://:{secret}@{host}:{port}/0'] }),
    options: z
      .record(
        z.string().regex(/^(?!(?:version|host|port|secret|formation|value)$)[a-z][a-z0-9_]*$/, {
          error:
            'is not allowed as an option: use small letters, digits and _, and no name that stands for something else',
        }),
        z.strictObject({
          summary: z.string(),
          default: variable.optional().describe('Without one, an option that is not given is left out.'),
          values: z.array(variable).optional().describe('The only ones that are allowed.'),
          pattern: z.string().optional().describe('A regular expression that the whole value must match.'),
          env: z.string().optional().describe('The variable of its instances that the value is given as.'),
          arguments: z
            .array(z.string())
            .optional()
            .describe('Added to `command`; `{value}` is the value.')
            .meta({ examples: [['--maxmemory', '{value}']] }),
        }),
      )
      .default({})
      .describe('What a manifest may say below `options`; each is also `{name}` in `url` and `env`.'),
    scale: count(0, 1_000).default(1).describe('How many, where a manifest does not say.'),
  })
  .refine(
    (type) => type.command !== undefined || Object.values(type.options).every((each) => !each.arguments),
    {
      error: 'has options that are arguments, but no command to add them to',
      path: ['options'],
    },
  )
  .refine((type) => (type.image.debian?.versions ?? []).every((version) => type.versions.includes(version)), {
    error: 'names a version that is none of the type',
    path: ['image', 'debian', 'versions'],
  });

/** A type as it is written. */
export type ServiceTypeFile = z.input<typeof typeSchema>;
/** A type, understood. */
export type ServiceType = z.output<typeof typeSchema>;
