import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRunning, identify, isAlive, parseStat, writeProcessRecord } from './process-record';

describe('identity of a process', () => {
  // The 20th field after the name's parenthesis is the start time.
  const rest = ['1', ...Array.from({ length: 17 }, () => '0'), '4711', '0'].join(' ');

  test.each([
    ['a plain name', `7 (etcd) S ${rest}`, 4711],
    ['a name that looks like more', `7 (a) Z 9 (b) S ${rest}`, 4711],
    ['the remains of a process', `7 (etcd) Z ${rest}`, undefined],
    ['nonsense', '', undefined],
  ])('%s', (_, stat, startTicks) => expect(parseStat(7, stat, 'boot')?.startTicks).toBe(startTicks));

  test('another process of the same number is not it', () => {
    const own = identify(process.pid);
    if (!own) throw new Error('this process lives');
    expect(isAlive(own)).toBe(true);
    expect(isAlive({ ...own, startTicks: own.startTicks - 1 })).toBe(false);
    expect(isAlive({ ...own, bootId: 'an earlier start of the machine' })).toBe(false);
  });

  test('is gone when the process has ended', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gilliam-test-'));
    const child = spawn('sleep', ['60']);
    try {
      const identity = identify(child.pid as number);
      if (!identity) throw new Error('the child lives');
      writeProcessRecord(directory, 'etcd', { ...identity, startedAtMs: 1, version: '1', restarts: 0 });
      expect(findRunning(directory, 'etcd')?.pid).toBe(child.pid);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(findRunning(directory, 'etcd')).toBeUndefined();
    } finally {
      child.kill('SIGKILL');
      rmSync(directory, { recursive: true });
    }
  });
});
