import { readdirSync, readFileSync } from 'node:fs';

// USER_HZ: the same on every Linux of today.
const ticksPerSecond = 100;

/** Seconds of CPU that a process and those it has started have used. */
export function cpuSeconds(root: number): number {
  const children = new Map<number, number[]>();
  const used = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const fields = statOf(name);
    if (!fields) continue;
    const [, parent, ...rest] = fields;
    const pid = Number(name);
    used.set(pid, (Number(rest[9]) + Number(rest[10])) / ticksPerSecond);
    children.set(Number(parent), [...(children.get(Number(parent)) ?? []), pid]);
  }
  const sum = (pid: number): number =>
    (children.get(pid) ?? []).reduce((total, child) => total + sum(child), used.get(pid) ?? 0);
  return sum(root);
}

/** The fields behind the program's name, which may hold blanks; undefined once the process is gone. */
function statOf(pid: string): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
