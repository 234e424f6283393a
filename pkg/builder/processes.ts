import type { Process } from '../gen/gilliam/v1/release';
import { DEFAULT_PORT } from '../resource/defaults';
import { listening, processOfLine } from '../resource/process-of-line';
import type { Detection } from './detection';

/** The processes of a release of the tree: command, port and health check, all of it visible in the release. */
export function processesOf(detection: Detection): Record<string, Process> {
  const exposed = detection.dockerfile?.ports ?? [];
  const ports = exposed.length > 0 ? exposed : [DEFAULT_PORT];
  if (detection.commands.size === 0) return detection.dockerfile ? { web: listening([], ports) } : {};
  // Without a prototype: names come from users, and `constructor` is one like any other.
  const processes = Object.create(null) as Record<string, Process>;
  for (const [name, line] of detection.commands) processes[name] = processOfLine(name, line, ports);
  return processes;
}
