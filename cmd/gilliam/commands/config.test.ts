import { CliHarness, type RunOptions } from '../testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
});
afterEach(() => cli.close());

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);

describe('config', () => {
  beforeEach(() => gilliam('create shop'));

  test('values are kept exactly', async () => {
    const values = {
      A: 'two words',
      B: 'a=b=c',
      C: '',
      D: 'line\nline\n',
      E: '-x',
      F: "'",
      G: '--json',
      H: 'ü\t',
    };
    const words = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    expect((await cli.run(['config', ...words])).stdout).toBe('v1 released\n');
    expect(JSON.parse((await gilliam('config --json')).stdout)).toEqual(values);
  });

  test('--unset takes a variable away, and what is not there changes nothing', async () => {
    await gilliam('config A=1 B=2');
    expect((await gilliam('config --unset A C=3')).stdout).toBe('v2 released\n');
    expect((await gilliam('config')).stdout).toBe('B=2\nC=3\n');
    expect((await gilliam('config C=3')).stdout).toBe(
      'v2 has this configuration already: nothing to release\n',
    );
  });

  test('--unset of what is not set changes nothing, and says which may be meant', async () => {
    await gilliam('config GREETING=1');
    expect(await gilliam('config --unset GREETIN')).toEqual({
      code: 0,
      stdout: 'v1 has this configuration already: nothing to release\n',
      stderr: 'warning: GREETIN is not set in v1: did you mean "GREETING"?\n',
    });
  });

  test.each<[string, string[], number, RegExp]>([
    ['no equals sign', ['FOO'], 2, /"FOO" is not K=V: gilliam config FOO=VALUE sets it/],
    ['no name', ['=1'], 2, /"=1" names no variable/],
    ['a name given twice', ['A=1', 'A=2'], 2, /A is given twice/],
    ['a name set and unset', ['A=1', '--unset', 'A'], 2, /A is set and unset at once/],
    ['--unset K=V', ['--unset', 'A=1'], 2, /--unset takes a name/],
    ['a digit first', ['1A=x'], 1, /1A/],
    ['a dash', ['A-B=x'], 1, /A-B/],
    ['a dash first', ['--', '-A=x'], 1, /-A/],
    ['1 MiB', ['A=' + 'x'.repeat(2 ** 20)], 1, /1 MiB|1,048,576|KiB|limit|at most/i],
  ])('%s is refused', async (_what, words, code, message) => {
    const outcome = await cli.run(['config', ...words]);
    expect(outcome.stderr).toMatch(message);
    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect(outcome.stderr.length).toBeLessThan(1000);
    expect((await gilliam('releases')).stdout).toBe('');
  });
});
