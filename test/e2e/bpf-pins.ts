import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SystemClock } from '../../pkg/base/clock';
import { SystemBpftool } from '../../pkg/kernel/bpftool';
import { TranslationPins } from '../../pkg/stage/translation-pins';
import { lives } from './run-owner';

const bpftool = new SystemBpftool({ clock: new SystemClock() });
const fileSystem = '/sys/fs/bpf';
const ofHost = /^gilliam_.*_hosts_(\d+)_\d+$/;
const ofMachine = /^gilliam-e2e-(\d+)-\d+$/;

/**
 * What is to be the whole BPF file system of a machine that has its own: programs of others are not seen there, nor are its
 * own seen by others, but for a test that finds what one before has left.
 */
export function bpfDirectory(number: number): string {
  return join(fileSystem, `gilliam-e2e-${process.pid}-${number}`);
}

/** Takes away what machines translate at connect: that of the table, or of all in a directory. */
export async function removePins(table: string, directory = fileSystem): Promise<void> {
  await new TranslationPins({ bpftool, directory }).remove(table);
}

/** The same for all of this run's, or of those that were killed. */
export async function sweepPins({ own }: { own: boolean }): Promise<void> {
  for (const name of await namesIn(fileSystem)) {
    const pid = (ofHost.exec(name) ?? ofMachine.exec(name))?.[1];
    if (!pid || (Number(pid) === process.pid ? !own : lives(pid))) continue;
    if (ofHost.test(name)) {
      await removePins(name);
      continue;
    }
    const directory = join(fileSystem, name);
    for (const table of await namesIn(directory)) await removePins(table, directory);
    await rmdir(directory);
  }
}

function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
