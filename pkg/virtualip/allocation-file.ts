import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Remembered } from './allocations';

/** What was remembered in a file; undefined where there is none, or none that makes sense. */
export async function readAllocations(file: string): Promise<Remembered | undefined> {
  try {
    const parsed = JSON.parse(await readFile(file, 'utf8')) as unknown;
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
    return Object.fromEntries(
      Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces the file as a whole: a crash leaves the old one or the new one. */
export async function writeAllocations(file: string, remembered: Remembered): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, `${JSON.stringify(remembered, undefined, 1)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
