import { CliHarness } from './testing/cli-harness';

let cli: CliHarness;
beforeAll(async () => {
  cli = await CliHarness.start();
});
afterAll(() => cli.close());

test.each([
  ['share web', '--with is missing: gilliam share --help'],
  ['launch', 'NAME and FILE are missing: gilliam launch --help'],
  ['why', 'INSTANCE is missing: gilliam why --help'],
  ['deploy now', 'deploy does not take "now": gilliam deploy --help'],
  ['ps --jsn', 'ps has no flag --jsn: did you mean --json?'],
  ['ps --x', 'ps has no flag --x: gilliam ps --help'],
  ['logs --tail x', '--tail takes a whole number, not "x": gilliam logs --help'],
  ['logs --tail', '--tail is without its value: gilliam logs --help'],
  ['logs --tail 1 --tail 2', '--tail is given twice: say once what it is to be: gilliam logs --help'],
  ['completion nosh', '"nosh" is none of bash, zsh, fish: gilliam completion --help'],
  ['down --forget --keep-instances', '--forget does not go with --keep-instances: gilliam down --help'],
  ['route a.com web --code 301', '--code needs --redirect: gilliam route --help'],
  ['route a.com web --retries -1', '--retries takes a number from 0, not -1: gilliam route --help'],
  ['help nope', 'there is no command "nope": gilliam help'],
])('gilliam %s is wrong usage, in one line that says why', async (line, message) => {
  expect(await cli.gilliam(line, { terminal: true, colors: true })).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/^\x1b\[31merror:\x1b\[39m /) as string,
  });
  expect((await cli.gilliam(line)).stderr).toBe(`error: ${message}\n`);
});
