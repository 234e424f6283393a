import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CliHarness } from '../testing/cli-harness';

let cli: CliHarness;
let data: string;
beforeEach(async () => {
  cli = await CliHarness.start();
  data = join(cli.directory, 'data');
});
afterEach(() => cli.close());

const gilliam = (line: string) => cli.gilliam(line, { env: { GILLIAM_DATA: data } });

describe('a stage that is not on this machine', () => {
  test.each<[string, string[], string]>([
    ['is to be had by up', [], 'gilliam up --stage prdo'],
    ['may be meant for another', ['prod'], 'did you mean "prod"?'],
    ['may be none of those there are', ['one', 'two'], 'there are one and two'],
  ])('%s', async (_what, stages, advice) => {
    for (const stage of stages) mkdirSync(join(data, stage), { recursive: true });
    const said = `there is no stage "prdo" on this machine: ${advice}\n`;
    expect(await gilliam('status --stage prdo')).toEqual({ code: 1, stdout: '', stderr: `error: ${said}` });
    for (const [flag, stdout] of [
      ['', 'nothing to stop\n'],
      [' --forget', 'nothing to stop\n'],
      [' --plan', 'nothing to do\n'],
      [' --json', '{"stage":"prdo","steps":[]}\n'],
    ]) {
      const expected = { code: 0, stdout, stderr: `warning: ${said}` };
      expect(await gilliam(`down --stage prdo${flag}`)).toEqual(expected);
    }
    // To look for it makes nothing of it.
    expect(existsSync(join(data, 'prdo'))).toBe(false);
  });

  test('local needs no name to come up', async () => {
    expect((await gilliam('status')).stderr).toBe(
      'error: there is no stage "local" on this machine: gilliam up\n',
    );
  });
});
