import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runCommand } from '../../pkg/stage/command';
import { root } from './cli';
import { exclusively } from './exclusively';
import { Host } from './host';
import { killIfThere } from './left-containers';
import { sweepClaims } from './range-claims';
import {
  directoryPrefix,
  isKilled,
  ownerOfDirectory,
  ownerOfProcess,
  ownerVariable,
  ownOwner,
} from './run-owner';

const downMs = 120_000;

/**
 * Before the first test of a run: what is started from here on is known to be its own, and what runs before it have left
 * that were killed is taken away. Stages are nobody's children, so a run that is interrupted leaves them up, with the ports
 * that the next one needs.
 */
export default async function begin(): Promise<void> {
  process.env[ownerVariable] = ownOwner();
  await exclusively('sweep', sweepKilledRuns);
}

/**
 * Stages and hosts first, as they know what is theirs: of a container, its engine; of rules and programs in the kernel, who
 * has made them.
 */
export async function sweepKilledRuns(): Promise<void> {
  for (const directory of directoriesOfKilled()) {
    if (await stagesAreDown(directory)) rmSync(directory, { recursive: true, force: true });
  }
  await Host.sweep({ own: false });
  for (const pid of processesOfKilled()) killIfThere(pid);
  await sweepClaims();
}

function directoriesOfKilled(): string[] {
  const parent = dirname(directoryPrefix);
  return readdirSync(parent)
    .filter((name) => name.startsWith(basename(directoryPrefix)))
    .map((name) => join(parent, name))
    .filter((directory) => isKilled(ownerOfDirectory(directory)));
}

async function stagesAreDown(directory: string): Promise<boolean> {
  const data = join(directory, 'data');
  const env = { ...process.env, GILLIAM_HOME: join(directory, 'home'), GILLIAM_DATA: data };
  let all = true;
  for (const stage of existsSync(data) ? readdirSync(data) : []) {
    const args = ['down', '--forget', '--stage', stage];
    const ended = await runCommand(join(root, 'bin/gilliam'), args, { env }, AbortSignal.timeout(downMs));
    all &&= ended.code === 0;
  }
  return all;
}

/** Known by their environment, as nothing else of them need be known. */
function processesOfKilled(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isKilled(ownerOfProcess(name)))
    .map(Number);
}
