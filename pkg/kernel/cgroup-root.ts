import { readFile } from 'node:fs/promises';

/** Where the control groups of version 2 are mounted; undefined where they are not. */
export async function cgroupRoot(mounts = '/proc/self/mounts'): Promise<string | undefined> {
  const lines = (await readFile(mounts, 'utf8').catch(() => '')).split('\n').map((line) => line.split(' '));
  return lines.find(([, , type]) => type === 'cgroup2')?.[1];
}
