import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PreconditionError } from '../base/errors';
import { identify, isAlive, type ProcessIdentity } from './process-record';

/** Runs `work` while no other process does so under the same path. The lock of a process that has died is void. */
export async function withLock<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify(identify(process.pid)), { mode: 0o600 });
  try {
    take(own, path, what);
  } finally {
    rmSync(own, { force: true });
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** A link of a file that is written already: whoever finds the lock finds its holder in it. */
function take(own: string, path: string, what: string): void {
  for (;;) {
    try {
      return linkSync(own, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readHolder(path);
    if (holder && isAlive(holder)) {
      throw new PreconditionError(`${what} is under way already, pid ${holder.pid}: wait for it to end`);
    }
    rmSync(path, { force: true });
  }
}

function readHolder(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}
