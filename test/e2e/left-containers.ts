import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * Ends what runs in containers of an engine that has gone without them, by what it has kept of them while it ran, in the
 * directory `exec`: they are nobody's children, in namespaces of their own, but in control groups that have their names.
 */
export function endLeftContainers(directory: string): void {
  const exec = join(directory, 'exec');
  if (!existsSync(exec)) return;
  const names = readdirSync(exec, { recursive: true, encoding: 'utf8' }).map((path) => basename(path));
  const ids = new Set(names.filter((name) => /^[0-9a-f]{64}$/.test(name)));
  for (const pid of readdirSync('/proc')) {
    if (/^\d+$/.test(pid) && ids.has(containerOf(pid) ?? '')) killIfThere(Number(pid));
  }
}

/** The container that a process is in. */
function containerOf(pid: string): string | undefined {
  try {
    return /[0-9a-f]{64}/.exec(readFileSync(`/proc/${pid}/cgroup`, 'latin1'))?.[0];
  } catch {
    // It has gone meanwhile.
    return undefined;
  }
}

export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
