import type { ContainerSpec } from '../agent/container-spec';
import type { ExecResult } from '../agent/driver';
import type { FakeTerminal } from './fake-terminal';

/** The code that a command ends with at once, which is an `exit N` run by a shell; undefined for all others. */
export function exitOf(command: readonly string[]): number | undefined {
  const exit = /^exit (\d+)$/.exec(command.at(-1) ?? '');
  return exit ? Number(exit[1]) : undefined;
}

/** `cat` answers with what it is given; `exit N` ends. All else waits for the test. */
export function begin(terminal: FakeTerminal, command: readonly string[]): void {
  if (command.at(-1) === 'cat') terminal.echo();
  const exit = exitOf(command);
  if (exit !== undefined) terminal.finish(exit);
}

/** How a process ends of a signal. */
export function codeOf(signal: string): number {
  return signal === 'SIGKILL' ? 137 : signal === 'SIGINT' ? 130 : 143;
}

/** What a command answers that is run beside a container's own. */
export function answerOf(command: readonly string[], spec: ContainerSpec, healthy: boolean): ExecResult {
  if (command.at(-1)?.includes(resolverFile)) return { exitCode: 0, output: resolverText(spec) };
  return { exitCode: exitOf(command) ?? (healthy ? 0 : 1), output: '' };
}

/** The only file that a container has. */
const resolverFile = '/etc/resolv.conf';

function resolverText({ dns, dnsSearch }: ContainerSpec): string {
  const search = dnsSearch.length > 0 ? [`search ${dnsSearch.join(' ')}`] : [];
  return [...search, ...dns.map((address) => `nameserver ${address}`), ''].join('\n');
}
