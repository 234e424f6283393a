import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identify, isAlive, type ProcessIdentity } from '../../pkg/stage/process-record';

/** In the environment of all that a run of tests starts: whose it is. */
export const ownerVariable = 'GILLIAM_TEST_RUN';
/** Begins the name of each directory that tests of stages work in. */
export const directoryPrefix = join(tmpdir(), 'gilliam-e2e-');

/** Of a run that has ended nobody needs what is marked. Its number alone is not enough, as numbers are used again. */
export function ownerOf({ pid, startTicks, bootId }: ProcessIdentity): string {
  return `${pid}.${startTicks}.${bootId}`;
}

export function ownOwner(): string {
  const self = identify(process.pid);
  if (!self) throw new Error('/proc does not know this process');
  return ownerOf(self);
}

export function isKilled(owner: string | undefined): boolean {
  const [pid = '', startTicks = '', bootId = ''] = owner?.split('.') ?? [];
  return bootId !== '' && !isAlive({ pid: Number(pid), startTicks: Number(startTicks), bootId });
}

/** The remains of a process that nobody has asked for need nothing. */
export function lives(pid: string): boolean {
  return identify(Number(pid)) !== undefined;
}

/** Says that a directory is of this run, or of this process where it belongs to none. */
export function markDirectory(directory: string): void {
  writeFileSync(markOf(directory), process.env[ownerVariable] ?? ownOwner());
}

/** Whose a directory is, if anybody has said so. */
export function ownerOfDirectory(directory: string): string | undefined {
  return textOf(markOf(directory));
}

/** Whose a process is. */
export function ownerOfProcess(pid: string): string | undefined {
  const environment = textOf(`/proc/${pid}/environ`)?.split('\0') ?? [];
  return environment.find((entry) => entry.startsWith(`${ownerVariable}=`))?.slice(ownerVariable.length + 1);
}

function markOf(directory: string): string {
  return join(directory, 'run');
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // It has gone meanwhile, or is somebody else's.
    return undefined;
  }
}
