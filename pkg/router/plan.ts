import type { Server } from './servers';
import { serverLine } from './servers-line';

/** A server as HAProxy has it now. */
export interface RunningServer {
  readonly weight: number;
  /** Gets nothing new. Its name stays taken until its last connection is gone. */
  readonly retired: boolean;
}

export type RunningServers = ReadonlyMap<string, RunningServer>;

export interface ServersPlan {
  /** For the runtime API, in their order. */
  readonly commands: readonly string[];
  /** What is there once they are carried out. */
  readonly running: RunningServers;
}

/** How a backend's servers become those that are wanted, without a reload. */
export function planServers(
  backend: string,
  running: RunningServers,
  wanted: readonly Server[],
): ServersPlan {
  const commands: string[] = [];
  const next = new Map(running);
  for (const server of wanted) {
    const id = `${backend}/${server.name}`;
    const now = running.get(server.name);
    next.set(server.name, { weight: server.weight, retired: false });
    if (!now) commands.push(`add ${serverLine(server, id)}`, `enable server ${id}`);
    else {
      if (now.weight !== server.weight) commands.push(`set server ${id} weight ${server.weight}`);
      if (now.retired) commands.push(`set server ${id} state ready`);
    }
  }
  const names = new Set(wanted.map(({ name }) => name));
  for (const [name, now] of running) {
    if (names.has(name) || now.retired) continue;
    next.set(name, { ...now, retired: true });
    // Not `drain`: sticky clients would still be let through.
    commands.push(`set server ${backend}/${name} state maint`);
  }
  return { commands, running: next };
}

/** The first answer that is no success. */
export function failureIn(commands: readonly string[], answers: readonly string[]): string | undefined {
  const at = answers.findIndex((answer) => answer !== '' && answer !== 'New server registered.');
  return at < 0 ? undefined : `${commands[at]}: ${answers[at]}`;
}
