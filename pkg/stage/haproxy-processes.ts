import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { identify, type ProcessIdentity } from './process-record';

/**
 * The processes of a router's HAProxy, known by the files that they were started with: it outlives the router, and
 * serves on until the next one adopts it.
 */
export function haproxyProcesses(directory: string): ProcessIdentity[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => isHaproxyOf(directory, commandLine(name)))
    .flatMap((name) => identify(Number(name)) ?? []);
}

export function isHaproxyOf(directory: string, words: readonly string[]): boolean {
  const [program, ...args] = words;
  return basename(program ?? '') === 'haproxy' && args.some((arg) => arg.startsWith(`${directory}/`));
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    // It has ended meanwhile.
    return [];
  }
}
