import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from './lock';
import { identify } from './process-record';

describe('a lock', () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gilliam-test-'));
    path = join(directory, 'run', 'lock');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('keeps a second one out, and says who holds it', async () => {
    await withLock(path, 'up', async () => {
      await expect(withLock(path, 'up', async () => 'in')).rejects.toThrow(
        `under way already, pid ${process.pid}`,
      );
    });
    expect(await withLock(path, 'up', async () => 'in')).toBe('in');
  });

  test('is given back when the work fails, and leaves nothing behind', async () => {
    await expect(withLock(path, 'up', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(readdirSync(join(directory, 'run'))).toEqual([]);
  });

  test.each([
    ['of a process that has died', JSON.stringify({ ...identify(process.pid), startTicks: 1 })],
    ['that nobody can read', '{'],
  ])('%s is void', async (_, content) => {
    await withLock(path, 'up', async () => undefined);
    writeFileSync(path, content);
    expect(await withLock(path, 'up', async () => 'in')).toBe('in');
  });
});
