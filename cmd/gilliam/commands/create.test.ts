import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliHarness, type RunOptions } from '../testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
});
afterEach(() => cli.close());

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);
const ok = (stdout: string) => ({ code: 0, stdout, stderr: '' });

describe('create', () => {
  test.each([
    ['Shop', /formation name "Shop" is not allowed: use 1 to 63 lower-case letters/],
    ['-shop', /create has no flag -shop/],
  ])('%s is refused', async (name, message) => {
    const outcome = await gilliam(`create ${name}`);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.code).toBeGreaterThan(0);
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
  });

  test('a formation that exists is refused', async () => {
    await gilliam('create shop');
    expect(await gilliam('create shop', { cwd: 'elsewhere' })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: formation "shop" exists/) as string,
    });
  });

  test('a directory that belongs to another formation is left as it is', async () => {
    await gilliam('create shop');
    expect(await gilliam('create bank')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /ties this directory to formation "shop": remove the file first/,
      ) as string,
    });
    expect(await gilliam('ps --formation bank')).toMatchObject({ code: 1 });
  });

  test('the stage is written down when it is not the default one', async () => {
    cli.write(
      '../home/stages/prod.json',
      JSON.stringify({ stage: 'prod', api: cli.api.address, token: 'user-token' }),
    );
    await gilliam('create shop --stage prod');
    expect(readFileSync(join(cli.directory, 'work', '.gilliam.app'), 'utf8')).toBe(
      'formation: shop\nstage: prod\n',
    );
  });
});

describe('destroy', () => {
  test('asks for the name twice', async () => {
    await gilliam('create shop');
    expect(await gilliam('destroy shop')).toMatchObject({
      code: 2,
      stderr: 'error: destroying shop cannot be undone: gilliam destroy shop --confirm shop\n',
    });
    expect(await gilliam('destroy shop --confirm shop')).toEqual(
      ok('formation shop is being destroyed, .gilliam.app removed\n'),
    );
    expect(await gilliam('ps')).toMatchObject({ code: 2 });
  });

  test.each(['', ' --confirm nope', ' --confirm other', ' --plan'])(
    'of what there is not%s: says so, and asks for nothing',
    async (rest) => {
      expect(await gilliam(`destroy nope${rest}`)).toEqual({
        code: 1,
        stdout: '',
        stderr: 'error: formation "nope" does not exist: gilliam ps -A shows what runs\n',
      });
    },
  );

  test('a name that is confirmed wrongly destroys nothing', async () => {
    await gilliam('create shop');
    expect(await gilliam('destroy shop --confirm shpo')).toMatchObject({ code: 2 });
    expect((await gilliam('ps')).code).toBe(0);
  });
});
