import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Which process it is: its number alone is not enough, as numbers are used again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in clock ticks since the machine did. */
  readonly startTicks: number;
  /** Which start of the machine that was. */
  readonly bootId: string;
}

/** What is known of a component's newest process, kept in a file so that whoever comes next can adopt it. */
export interface ProcessRecord extends ProcessIdentity {
  readonly startedAtMs: number;
  /** Gilliam's version that started it. */
  readonly version: string;
  /** How often it was started again since `gilliam up`. */
  readonly restarts: number;
  readonly lastExit?: ExitRecord;
}

export interface ExitRecord {
  readonly atMs: number;
  /** Exit code or signal's name; absent when nobody of ours was its parent. */
  readonly status?: string;
}

/** The identity of a living process; undefined when there is none, or only its remains. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return parseStat(pid, stat, bootId);
  } catch {
    return undefined;
  }
}

/** See proc(5). The name, in parentheses, can hold anything: count from its last parenthesis. */
export function parseStat(pid: number, stat: string, bootId: string): ProcessIdentity | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], Number(fields[19])];
  if (!Number.isFinite(startTicks) || state === 'Z' || state === 'X') return undefined;
  return { pid, startTicks, bootId };
}

export function isAlive(record: ProcessIdentity): boolean {
  const found = identify(record.pid);
  return found !== undefined && found.startTicks === record.startTicks && found.bootId === record.bootId;
}

function recordPath(runDirectory: string, component: string): string {
  return join(runDirectory, `${component}.json`);
}

/** The component's record, whether the process lives or not. */
export function readProcessRecord(runDirectory: string, component: string): ProcessRecord | undefined {
  try {
    const value = JSON.parse(readFileSync(recordPath(runDirectory, component), 'utf8')) as ProcessRecord;
    return Number.isInteger(value.pid) && value.pid > 0 ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The component's record if its process lives. */
export function findRunning(runDirectory: string, component: string): ProcessRecord | undefined {
  const record = readProcessRecord(runDirectory, component);
  return record && isAlive(record) ? record : undefined;
}

export function writeProcessRecord(runDirectory: string, component: string, record: ProcessRecord): void {
  mkdirSync(runDirectory, { recursive: true, mode: 0o700 });
  const path = recordPath(runDirectory, component);
  writeFileSync(`${path}.tmp`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}
