import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileReason } from './file-reason';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'gilliam-reason-'))));
afterEach(() => rmSync(directory, { recursive: true }));

function reason(path: string): string {
  try {
    readFileSync(join(directory, path));
    return 'none';
  } catch (error) {
    return fileReason(error);
  }
}

test('what the system says of a file is told in words, without its code and the path', () => {
  mkdirSync(join(directory, 'directory'));
  writeFileSync(join(directory, 'file'), '');
  symlinkSync('circle', join(directory, 'circle'));
  expect(['nothing', 'file/below', 'directory', 'circle', 'file'].map(reason)).toEqual([
    'there is no such file',
    'there is no such file',
    'it is a directory',
    'too many symbolic links encountered',
    'none',
  ]);
});

test('of other errors their message is told', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), {
    ...{ code: 'ECONNREFUSED', syscall: 'connect' },
  });
  expect([new Error('why'), refused, 'text'].map(fileReason)).toEqual([
    'why',
    'connect ECONNREFUSED 127.0.0.1:1',
    'text',
  ]);
});
