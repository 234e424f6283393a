import { HealthCheck, type Process } from '../../gen/gilliam/v1/release';
import { formatBytes, formatCpu } from '../../resource/quantity';

/** Field → value, as a manifest says it: what is not said is absent. Secrets are left out. */
export type Fields = ReadonlyMap<string, string>;

/** What is said of one process. */
export function processFields(process: Process): Fields {
  const { auxiliary, resources, health } = process;
  const said: [string, string][] = [
    ['type', auxiliary?.type ?? ''],
    ['version', auxiliary?.version ?? ''],
    ...Object.entries(auxiliary?.options ?? {}).map(([name, value]): [string, string] => [
      `options.${name}`,
      value,
    ]),
    ['url', auxiliary?.url ? `${auxiliary.urlVariable}=${auxiliary.url}` : ''],
    ['image', process.image],
    ['script', commandLine(process.command)],
    [
      'ports',
      process.ports
        .map(({ name, containerPort }) => (name === '' ? `${containerPort}` : `${name}: ${containerPort}`))
        .join(', '),
    ],
    ...Object.entries(process.env).map(([name, value]): [string, string] => [`env.${name}`, value]),
    ['resources.cpu', resources?.cpuMillis ? formatCpu(resources.cpuMillis) : ''],
    ['resources.memory', resources?.memoryBytes ? formatBytes(resources.memoryBytes) : ''],
    ['resources.pids', resources?.pids ? String(resources.pids) : ''],
    ['health', health ? JSON.stringify(HealthCheck.toJSON(health)) : ''],
    ['requirements', process.requirements.join(' and ')],
    ['rank', process.rank],
    ['grace', process.graceMs ? `${process.graceMs} ms` : ''],
    ['drain', process.drainMs ? `${process.drainMs} ms` : ''],
    ['volumes', process.volumes.map(({ name, path }) => `${name}: ${path}`).join(', ')],
    ['needs', process.needs.join(', ')],
  ];
  // A variable may be set to nothing, and says something by it.
  return new Map(said.filter(([field, value]) => value !== '' || /^(?:env|options)\./.test(field)));
}

/** In one line: `node server.js`, `redis 7`. */
export function processInShort({ auxiliary, command, image }: Process): string {
  if (auxiliary) return [auxiliary.type, auxiliary.version].filter(Boolean).join(' ');
  return commandLine(command) || image;
}

/** The line that a command was made of; where it is a vector, its words. */
export function commandLine(command: readonly string[]): string {
  const [shell, flag, line, ...rest] = command;
  if (shell === '/bin/sh' && flag === '-c' && line !== undefined && rest.length === 0) {
    return line.replace(/^exec /, '');
  }
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}
