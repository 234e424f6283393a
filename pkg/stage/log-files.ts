import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';

export interface RotationLimits {
  readonly maxBytes: number;
  /** How many older files are kept: `<name>.log.1` is the newest of them. */
  readonly keep: number;
}

export const defaultRotation: RotationLimits = { maxBytes: 10 * 1024 * 1024, keep: 3 };

export function logPath(directory: string, component: string): string {
  return join(directory, `${component}.log`);
}

/** Opened for appending: the kernel then puts each write at the end, also after the file was cut by `rotateLog`. */
export function openLog(directory: string, component: string): number {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return openSync(logPath(directory, component), 'a', 0o600);
}

/**
 * Moves the log's content aside when it has grown too large. A component writes to its file itself, so that it
 * outlives the supervisor; it is not told of the rotation, hence copy and cut instead of rename. Lines written
 * between the two are lost.
 */
export function rotateLog(directory: string, component: string, limits = defaultRotation): boolean {
  const path = logPath(directory, component);
  if (!existsSync(path) || statSync(path).size <= limits.maxBytes) return false;
  for (let n = limits.keep; n > 1; n--) {
    if (existsSync(`${path}.${n - 1}`)) renameSync(`${path}.${n - 1}`, `${path}.${n}`);
  }
  copyFileSync(path, `${path}.1`);
  truncateSync(path, 0);
  return true;
}

/** The newest lines, at most 64 KiB of them; none when there is no log. */
export function logTail(directory: string, component: string): string[] {
  let file: number;
  try {
    file = openSync(logPath(directory, component), 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, 64 * 1024));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '');
  } finally {
    closeSync(file);
  }
}

/** Why the component's newest process ended, as far as its log says: the error of its last fatal line. */
export function lastFatal(lines: readonly string[]): string | undefined {
  for (const line of [...lines].reverse()) {
    const found = fatalOf(line);
    if (found !== undefined) return found;
  }
  return undefined;
}

function fatalOf(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, msg, error } = JSON.parse(line) as Record<string, unknown>;
    // pino's levels are numbers (60: fatal), those of etcd are words.
    if (level !== 60 && level !== 'fatal' && level !== 'panic') return undefined;
    return [msg, error].filter((part) => typeof part === 'string').join(': ');
  } catch {
    return undefined;
  }
}
