import { hoistGlobalFlags, resolveCommand } from './command-line';
import { UsageError } from './errors';

const known = ['ps', 'scale', 'executors', 'executor cordon', 'executor drain', 'version', '__complete'];

test.each([
  ['ps -a', { command: 'ps', argv: ['-a'] }],
  ['executor cordon e1', { command: 'executor cordon', argv: ['e1'] }],
  ['--version', { command: 'version', argv: [] }],
  ['', { help: [] }],
  ['help', { help: [] }],
  ['--help', { help: [] }],
  ['help executor drain', { help: ['executor', 'drain'] }],
  ['ps --help', { help: ['ps'] }],
  ['executor cordon -h', { help: ['executor', 'cordon'] }],
  ['executor', { help: ['executor'] }],
  ['scale -- --help', { command: 'scale', argv: ['--', '--help'] }],
])('%s', (line, resolved) => {
  expect(resolveCommand(line === '' ? [] : line.split(' '), known)).toEqual(resolved);
});

test.each([
  ['sacle', 'there is no command "sacle": did you mean "scale"?'],
  ['help sacle', 'there is no command "sacle": did you mean "scale"?'],
  ['executor cordn e1', 'there is no command "executor cordn": did you mean "executor cordon"?'],
  ['frobnicate', 'there is no command "frobnicate": gilliam help'],
  // Hidden ones are not proposed.
  ['__complet', 'there is no command "__complet": gilliam help'],
])('%s is refused', (line, message) => {
  expect(() => resolveCommand(line.split(' '), known)).toThrow(new UsageError(message));
});

test.each([
  ['ps', 'ps'],
  ['--stage prod ps -a', 'ps -a --stage prod'],
  ['--stage=prod --json ps', 'ps --stage=prod --json'],
  ['--formation shop config -- -A=1', 'config --formation shop -- -A=1'],
  ['--stage', '--stage'],
  ['--json', '--json'],
])('%s becomes %s', (line, hoisted) => {
  expect(hoistGlobalFlags(line.split(' ')).join(' ')).toBe(hoisted);
});
