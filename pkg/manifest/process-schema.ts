import { z } from 'zod';
import type { HealthCheck, Port, Resources } from '../gen/gilliam/v1/release';
import { shellCommand } from '../resource/shell-command';
import { count, cpu, duration, label, port, size } from './values';

/** `[80]`, `{http: 8080, admin: 9090}`, or `[{name: http, port: 8080}]`. */
export const ports = z
  .union([port, z.array(z.union([port, z.strictObject({ name: label, port })])), z.record(label, port)])
  .transform((value): Port[] => {
    if (typeof value === 'number') return [{ name: '', containerPort: value }];
    if (!Array.isArray(value)) {
      return Object.entries(value).map(([name, containerPort]) => ({ name, containerPort }));
    }
    return value.map((each) => {
      if (typeof each !== 'number') return { name: each.name, containerPort: each.port };
      return { name: value.length > 1 ? `port-${each}` : '', containerPort: each };
    });
  })
  .describe('Where the process listens inside its container; the first is its `PORT`.')
  .meta({ examples: [[80], { http: 8080, admin: 9090 }] });

/** A line for the shell, or an argument vector. */
export const command = z
  .union([z.string().min(1, { error: 'is empty: give the program to run' }), z.array(z.string()).min(1)])
  .transform((value): string[] => (typeof value === 'string' ? shellCommand(value) : value))
  .meta({ examples: ['node server.js', ['node', 'server.js']] });

const timing = {
  interval: duration.optional().describe('Between two checks.').meta({ default: '5s' }),
  timeout: duration.optional().describe('How long an answer may take.').meta({ default: '2s' }),
  failures: count(1, 100)
    .optional()
    .describe('Failures in a row that make a running instance unready.')
    .meta({ default: 3 }),
};

const path = z.string().regex(/^\/[\x21-\x7e]*$/, { error: 'is not a path: begin with /, without spaces' });

/** A path, `tcp`, `none`, or what to check in full. */
export const health = z
  .union([
    path,
    z.literal('tcp'),
    z.literal('none'),
    z
      .strictObject({
        http: path
          .optional()
          .describe('A path that has to answer with 200 to 399.')
          .meta({ examples: ['/health'] }),
        tcp: z
          .union([z.literal(true), port])
          .optional()
          .describe('A port that has to take connections; `true` for the first one.'),
        command: command.optional().describe('A command in the container that has to end with 0.'),
        port: port.optional().describe('Of `http`, where it is not the first one.'),
        ...timing,
      })
      .refine(
        ({ http, tcp, command: run }) => [http, tcp, run].filter((each) => each !== undefined).length === 1,
        {
          error: 'checks one thing: give http, tcp or command',
        },
      ),
  ])
  .transform((value): HealthCheck | 'none' => {
    const plain = { intervalMs: 0, timeoutMs: 0, failureThreshold: 0 };
    if (value === 'none') return value;
    if (value === 'tcp') return { check: { $case: 'tcp', value: { port: 0 } }, ...plain };
    if (typeof value === 'string')
      return { check: { $case: 'http', value: { path: value, port: 0 } }, ...plain };
    return {
      check: checkOf(value),
      intervalMs: value.interval ?? 0,
      timeoutMs: value.timeout ?? 0,
      failureThreshold: value.failures ?? 0,
    };
  })
  .describe('How to see that an instance is ready; without one, that its first port takes connections.')
  .meta({ examples: ['/health', { http: '/health', interval: '10s' }, 'none'] });

export const resources = z
  .strictObject({
    cpu: cpu
      .optional()
      .describe('Processors; no reservation and no limit without.')
      .meta({ examples: [0.5] }),
    memory: size
      .optional()
      .describe('No reservation and no limit without.')
      .meta({ examples: ['256Mi'] }),
    pids: count(8, 4_194_304).optional().describe('Processes and threads.').meta({ default: 4096 }),
  })
  .transform((value): Resources => ({
    cpuMillis: value.cpu ?? 0,
    memoryBytes: value.memory ?? 0n,
    pids: value.pids ?? 0,
  }))
  .describe('What an instance reserves on its executor, and is limited to.')
  .meta({ examples: [{ cpu: 0.5, memory: '256Mi' }] });

function checkOf(value: {
  readonly http?: string;
  readonly tcp?: true | number;
  readonly command?: string[];
  readonly port?: number;
}): NonNullable<HealthCheck['check']> {
  if (value.http !== undefined) return { $case: 'http', value: { path: value.http, port: value.port ?? 0 } };
  if (value.command !== undefined) return { $case: 'command', value: { command: value.command } };
  return { $case: 'tcp', value: { port: typeof value.tcp === 'number' ? value.tcp : 0 } };
}
