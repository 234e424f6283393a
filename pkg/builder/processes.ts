import { Process } from '../gen/gilliam/v1/release';
import { DEFAULT_PORT } from '../resource/defaults';
import type { Detection } from './detection';
import { shellCommand } from './shell-command';

const mentionsPort = /\$(?:PORT(?!\w)|\{PORT\W)/;

/** The processes of a release of the tree: command, port and health check, all of it visible in the release. */
export function processesOf(detection: Detection): Record<string, Process> {
  const exposed = detection.dockerfile?.ports ?? [];
  const ports = exposed.length > 0 ? exposed : [DEFAULT_PORT];
  if (detection.commands.size === 0) return { web: listening([], ports) };
  // Without a prototype: names come from users, and `constructor` is one like any other.
  const processes = Object.create(null) as Record<string, Process>;
  for (const [name, line] of detection.commands) {
    const command = shellCommand(line);
    const listens = name === 'web' || mentionsPort.test(line);
    processes[name] = listens
      ? listening(command, name === 'web' ? ports : ports.slice(0, 1))
      : Process.fromPartial({ command });
  }
  return processes;
}

function listening(command: string[], ports: readonly number[]): Process {
  return Process.fromPartial({
    command,
    ports: ports.map((containerPort) => ({
      name: ports.length > 1 ? `port-${containerPort}` : '',
      containerPort,
    })),
    health: { check: { $case: 'tcp', value: { port: 0 } } },
  });
}
