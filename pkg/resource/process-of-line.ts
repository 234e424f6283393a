import { Process } from '../gen/gilliam/v1/release';
import { shellCommand } from './shell-command';

const mentionsPort = /\$(?:PORT(?!\w)|\{PORT\W)/;

/**
 * The process that a line for the shell stands for: `web: node server.js` of a Procfile. `web`, and whoever asks for
 * `$PORT`, listens: on `ports`, web on all of them.
 */
export function processOfLine(name: string, line: string, ports: readonly number[]): Process {
  const command = shellCommand(line);
  if (name !== 'web' && !mentionsPort.test(line)) return Process.fromPartial({ command });
  return listening(command, name === 'web' ? ports : ports.slice(0, 1));
}

/** A process with ports, checked by connecting to the first. */
export function listening(command: string[], ports: readonly number[]): Process {
  return Process.fromPartial({
    command,
    ports: ports.map((containerPort) => ({
      name: ports.length > 1 ? `port-${containerPort}` : '',
      containerPort,
    })),
    health: { check: { $case: 'tcp', value: { port: 0 } } },
  });
}
