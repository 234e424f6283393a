import { CliHarness, type RunOptions } from './testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
});
afterEach(() => cli.close());

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);

describe('which formation and stage', () => {
  test('the flag wins over the environment, that over the file, and the file counts for directories below', async () => {
    for (const name of ['one', 'two', 'three']) {
      await gilliam(`create ${name}`, { cwd: name });
      await cli.run(['config', `NAME=${name}`, '--formation', name]);
    }
    const below = { cwd: 'one/src/deep' };
    const env = { GILLIAM_FORMATION: 'two' };
    expect((await gilliam('config', below)).stdout).toBe('NAME=one\n');
    expect((await gilliam('config', { ...below, env })).stdout).toBe('NAME=two\n');
    expect((await gilliam('config --formation three', { ...below, env })).stdout).toBe('NAME=three\n');
    expect((await gilliam('--formation three config', below)).stdout).toBe('NAME=three\n');
  });

  test('without any of these, a gilliam.yml says it, here or above', async () => {
    await gilliam('create one', { cwd: 'other' });
    await cli.run(['config', 'NAME=one', '--formation', 'one']);
    cli.write('shop/gilliam.yml', '# ours\nprocesses: {}\nformation: "one" # yes\n');
    const below = { cwd: 'shop/src' };
    expect(await gilliam('config', below)).toMatchObject({ code: 0, stdout: 'NAME=one\n' });
    expect((await gilliam('config --formation two', below)).stderr).toMatch(/formation "two" does not exist/);
    cli.write('shop/gilliam.yml', 'processes: {}\n');
    expect((await gilliam('config', below)).stderr).toMatch(/^error: no formation here/);
  });

  test('without one, it says what to do', async () => {
    expect(await gilliam('ps')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: no formation here: gilliam create NAME, or --formation NAME\n',
    });
  });

  test('a formation that does not exist', async () => {
    for (const line of ['ps', 'config', 'config A=1', 'scale', 'scale web=1', 'releases', 'logs', 'events']) {
      expect(await gilliam(`${line} --formation shop`)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: 'error: formation "shop" does not exist: gilliam create shop\n',
      });
    }
  });

  test('a stage that is not known here', async () => {
    const outcome = await gilliam('ps --formation shop --stage prod');
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/^error: no stage "prod" is known here: .*gilliam up/);
  });

  test('a file that is not as it must be', async () => {
    cli.write('.gilliam.app', 'formation: [1\n');
    expect(await gilliam('ps')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /\.gilliam\.app is not as it must be: .*: write "formation: NAME" into it\n$/,
      ) as string,
    });
    cli.write('.gilliam.app', '# by hand\nformation: "shop" # yes\n');
    expect((await gilliam('ps')).stderr).toMatch(/formation "shop" does not exist/);
  });

  test('a control plane that is down fails fast', async () => {
    await gilliam('create shop');
    await cli.api.stopServer();
    const outcome = await gilliam('ps');
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toMatch(
      /^error: the control plane of stage "local" does not answer at .*: gilliam up\n$/,
    );
  });
});
