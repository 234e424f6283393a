import { isBeginning, unrunnable } from './unrunnable';

const advice = 'name a command of the image, or the path of one';
const engine = 'OCI runtime exec failed: exec failed: unable to start container process: exec: ';

test.each<[string, string, number, string]>([
  [
    'the engine: not in the path',
    `${engine}"nosuch": executable file not found in $PATH: unknown`,
    127,
    `there is no "nosuch" here: ${advice}`,
  ],
  [
    'the engine: not at the path',
    `${engine}"/no/such": stat /no/such: no such file or directory: unknown`,
    127,
    `there is no "/no/such" here, or what its first line says is to run it is not: ${advice}`,
  ],
  [
    'the engine: no program',
    `${engine}"/etc/passwd": permission denied: unknown`,
    126,
    `"/etc/passwd" cannot be run: it is not executable (chmod +x), or a directory: ${advice}`,
  ],
  [
    'the init: not there',
    '[FATAL tini (7)] exec nosuch failed: No such file or directory',
    127,
    `there is no "nosuch" here: ${advice}`,
  ],
  [
    'the init: no program',
    '[FATAL tini (12)] exec /etc/my file failed: Permission denied',
    126,
    `"/etc/my file" cannot be run: it is not executable (chmod +x), or a directory: ${advice}`,
  ],
  [
    'the init: anything else',
    '[FATAL tini (7)] exec big failed: Argument list too long',
    126,
    `"big" cannot be run: argument list too long: ${advice}`,
  ],
  [
    'the runtime: a script without what runs it',
    'exec ./script: no such file or directory',
    127,
    `there is no "./script" here, or what its first line says is to run it is not: ${advice}`,
  ],
  [
    'the runtime: no format',
    'exec ./script: exec format error',
    126,
    `"./script" cannot be run: exec format error: ${advice}`,
  ],
])('%s', (_who, said, code, line) => {
  for (const end of ['', '\n', '\r\n']) {
    expect(unrunnable(`${said}${end}`, './script')).toEqual({ code, line, characters: said.length });
  }
});

test.each([
  'out\n',
  '',
  'sh: 1: nosuch: not found\n',
  'once [FATAL tini (7)] exec nosuch failed: No such file or directory\n',
  // Printed by a command that runs, of another; or with more behind it.
  'exec ./other: no such file or directory\n',
  'exec ./script: no such file or directory\nand on\n',
])('%j is what a command prints', (printed) => {
  expect(unrunnable(printed, './script')).toBeUndefined();
});

test('the init prints in parts: only its own line is waited for', () => {
  const line = '[FATAL tini (7)] exec nosuch failed: No such file or directory\n';
  const waited = (text: string) => isBeginning(text);
  expect(waited(line.slice(0, '[FATAL tini (7)] '.length))).toBe(true);
  expect(waited(line.trimEnd())).toBe(true);
  expect([line, '', '[', '[FATAL', `[FATAL tini (7)] ${'x'.repeat(5000)}`].some(waited)).toBe(false);
});
