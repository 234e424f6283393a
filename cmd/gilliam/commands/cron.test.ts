import { CliHarness } from '../testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
  await gilliam('create shop');
});
afterEach(() => cli.close());

const gilliam = (line: string) => cli.gilliam(line);
const set = (...words: string[]) => cli.run(['cron', 'set', ...words]);

describe('cron', () => {
  test('jobs are set, listed, changed, suspended, resumed and deleted', async () => {
    expect((await set('nightly', '30 2 * * *', 'rake', '-v', 'report')).stdout).toBe(
      'set nightly: 30 2 * * *\n',
    );
    expect((await gilliam('cron')).stdout).toBe('nightly\t30 2 * * *\tsoon\tnever\trake -v report\n');
    expect((await gilliam('cron suspend nightly')).stdout).toBe('nightly suspended\n');
    await set('--time-zone', 'Europe/Stockholm', 'nightly', '@daily', 'rake');
    expect((await gilliam('cron')).stdout).toBe('nightly\t@daily Europe/Stockholm\tsuspended\tnever\trake\n');
    expect((await gilliam('cron resume nightly')).stdout).toBe('nightly resumed\n');
    expect((await gilliam('cron delete nightly')).stdout).toBe('nightly deleted\n');
    expect((await gilliam('cron')).stdout).toBe('');
  });

  test('global flags before the command are its own, and those behind the schedule are not', async () => {
    const line = ['--formation', 'shop', 'cron', 'set', 'nightly', '@daily', 'rake', '--json'];
    expect((await cli.run(line)).stdout).toBe('set nightly: @daily\n');
    expect((await gilliam('cron')).stdout).toContain('rake --json');
  });

  test('--plan changes nothing', async () => {
    expect((await set('--plan', 'nightly', '@daily', 'rake')).stdout).toBe('would set nightly: @daily\n');
    expect((await gilliam('cron')).stdout).toBe('');
    await set('nightly', '@daily', 'rake');
    for (const line of ['suspend nightly', 'delete nightly', 'run nightly'])
      expect((await gilliam(`cron ${line} --plan`)).stdout).toMatch(/^would /);
    expect((await gilliam('cron')).stdout).toBe('nightly\t@daily\tsoon\tnever\trake\n');
  });

  test.each<[string, string[], number, RegExp]>([
    ['never fires', ['nightly', '0 0 30 2 *', 'rake'], 1, /never fires/],
    ['is no schedule', ['nightly', 'daily', 'rake'], 1, /has 1 field: give five/],
    ['has no command', ['nightly', '@daily'], 1, /has no command/],
    ['is in no zone', ['--time-zone', 'Mars', 'nightly', '@daily', 'rake'], 1, /time zone "Mars"/],
    ['overlaps somehow', ['--overlap', 'maybe', 'nightly', '@daily', 'rake'], 2, /skip, allow, replace/],
  ])('a job that %s is refused', async (_, words, code, message) => {
    const outcome = await set(...words);
    expect(outcome.stderr).toMatch(message);
    expect(outcome).toMatchObject({ code, stdout: '' });
  });

  test('an unknown job is named with what was meant', async () => {
    await set('nightly', '@daily', 'rake');
    const outcome = await gilliam('cron run nigthly');
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('did you mean "nightly"?');
  });
});
