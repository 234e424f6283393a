import { CliHarness, type RunOptions } from '../testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
});
afterEach(() => cli.close());

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);
const ok = (stdout: string) => ({ code: 0, stdout, stderr: '' });

describe('scale', () => {
  beforeEach(() => cli.deployed());

  test.each([
    ['web=-1', 2, /web=-1 is not a scale factor/],
    ['web=x', 2, /web=x is not a scale factor/],
    ['web=1.5', 2, /web=1.5 is not a scale factor/],
    ['web=', 2, /web= is not a scale factor/],
    ['web', 2, /"web" is neither a release nor a scale factor/],
    ['web=1 web=2', 2, /web is given twice/],
    ['web=1 v1', 2, /"v1" is neither a release nor a scale factor/],
    ['wbe=1', 1, /did you mean "web"\?/],
    ['v9 web=1', 1, /v9/],
    ['web=999999999', 1, /web/],
    ['--wait', 2, /nothing is to be scaled/],
    ['web=1 --wait --timeout soon', 2, /"soon" is not a length of time/],
  ])('%s is refused', async (words, code, message) => {
    const outcome = await gilliam(`scale ${words}`);
    expect(outcome.stderr).toMatch(message);
    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect((await gilliam('scale')).stdout).toBe('');
  });

  test('a release without an image cannot be scaled', async () => {
    await gilliam('create bank', { cwd: 'bank' });
    expect(await gilliam('scale web=1', { cwd: 'bank' })).toMatchObject({
      code: 1,
      stderr: 'error: bank has no release: gilliam deploy first\n',
    });
    await gilliam('config A=1', { cwd: 'bank' });
    expect(await gilliam('scale web=1', { cwd: 'bank' })).toMatchObject({
      code: 1,
      stderr: 'error: v1 has no image: gilliam deploy first\n',
    });
  });

  test('factors that are not named stay, and releases are shown oldest first', async () => {
    await gilliam('scale web=2 worker=1');
    expect((await gilliam('scale web=3')).stdout).toBe('v1 web=3 worker=1\n');
    await gilliam('config A=1');
    expect((await gilliam('scale web=1')).stdout).toBe('v2 web=1\n');
    expect((await gilliam('scale v1 web=0')).stdout).toBe('v1 web=0 worker=1\n');
    expect((await gilliam('scale')).stdout).toBe('v1 worker=1\nv2 web=1\n');
    expect((await gilliam('scale v2')).stdout).toBe('v2 web=1\n');
  });

  test('--wait comes back when exactly these instances run', async () => {
    const waiting = gilliam('scale web=2 --wait');
    await cli.running(1, 'v1');
    await cli.running(2, 'v1');
    expect(await waiting).toEqual(ok('v1 web=2\n'));
  });

  test('--wait gives up in time, and says what stands in the way', async () => {
    await cli.running(1, 'v1');
    await cli.api.placeInstance({ ordinal: 2, executor: '' });
    await cli.api.changeInstance('web-2-1', (instance) => ({
      ...instance,
      status: { ...instance.status, message: '0 of 1 executors: 1 cordoned' },
    }));
    expect(await gilliam('scale web=2 --wait --timeout 300ms')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'error: v1 is scaled, but after 0.3s only web 1/2 run: web.2 is pending: 0 of 1 executors: 1 cordoned: gilliam why web.2\n',
    });
  });
});
