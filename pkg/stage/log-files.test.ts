import { closeSync, existsSync, mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastFatal, logTail, openLog, rotateLog } from './log-files';

describe('logs', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'gilliam-test-'))));
  afterEach(() => rmSync(directory, { recursive: true }));
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');

  test('are rotated by size under a component that goes on writing, and a few are kept', () => {
    const limits = { maxBytes: 10, keep: 2 };
    const log = openLog(directory, 'etcd');
    for (const letter of ['a', 'b', 'c', 'd']) {
      writeSync(log, letter.repeat(11));
      expect(rotateLog(directory, 'etcd', limits)).toBe(true);
    }
    writeSync(log, 'new\n');
    expect(rotateLog(directory, 'etcd', limits)).toBe(false);
    closeSync(log);
    // No hole where the old text was: the file is written at its end, wherever that is now.
    expect(read('etcd.log')).toBe('new\n');
    expect([read('etcd.log.1'), read('etcd.log.2')]).toEqual(['d'.repeat(11), 'c'.repeat(11)]);
    expect(existsSync(join(directory, 'etcd.log.3'))).toBe(false);
    expect(logTail(directory, 'etcd')).toEqual(['new']);
  });

  test('that are not there have no lines', () => {
    expect(logTail(directory, 'etcd')).toEqual([]);
    expect(rotateLog(directory, 'etcd')).toBe(false);
  });

  test('say why a component ended: the last fatal line', () => {
    const lines = [
      '{"level":60,"msg":"cannot go on","error":"an old fault"}',
      '{"level":60,"msg":"cannot go on","error":"the data are of version 2"}',
      '{"level":30,"msg":"started"}',
      'not JSON',
    ];
    expect(lastFatal(lines)).toBe('cannot go on: the data are of version 2');
    expect(lastFatal(['{"level":"fatal","msg":"listen failed","error":"address in use"}'])).toBe(
      'listen failed: address in use',
    );
    expect(lastFatal(lines.slice(2))).toBeUndefined();
  });
});
