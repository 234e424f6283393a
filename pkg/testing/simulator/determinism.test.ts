import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { run } from './run';
import { scenarioOf } from './scenario';

const hashOf = async (seed: number, length: number) => (await run(seed, scenarioOf(seed, length))).hash;

describe('a seed', () => {
  test('tells the same story each time, and in another process', async () => {
    const once = await hashOf(7, 12);
    expect(await hashOf(7, 12)).toBe(once);
    expect(await hashElsewhere(7, 12)).toBe(once);
  }, 120_000);

  test('tells another story than another seed', async () => {
    expect(await hashOf(8, 3)).not.toBe(await hashOf(9, 3));
  });
});

/** In a process that has done nothing else before. */
async function hashElsewhere(seed: number, length: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gilliam-simulator-'));
  try {
    const outfile = join(directory, 'replay.js');
    await build({
      ...{ entryPoints: [join(__dirname, 'replay.ts')], outfile, bundle: true },
      ...{ platform: 'node', target: 'node20', logLevel: 'error' },
    });
    const { stdout } = await promisify(execFile)(process.execPath, [outfile, String(seed), String(length)]);
    return stdout.trim();
  } finally {
    await rm(directory, { recursive: true });
  }
}
