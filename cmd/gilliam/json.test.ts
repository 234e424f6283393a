import { CliHarness, type RunOptions } from './testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
});
afterEach(() => cli.close());

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);

describe('--json', () => {
  test('is one JSON value on stdout, whatever happens', async () => {
    await cli.deployed();
    await cli.running(1, 'v1');
    for (const line of [
      'releases',
      'config',
      'config A=1',
      'scale',
      'scale web=1',
      'ps',
      'why web.1',
      'events',
      'executors',
      'route shop.localhost web',
      'route --test shop.localhost',
      'route --test nope.localhost',
      'route -d nope',
      'routes',
      'resolve web',
      'announce-token',
      'version',
      'completion bash',
      'ps --nope',
      'why web.9',
      'scale web=x',
      'executor cordon nobody',
      'nope',
      'destroy shop',
    ]) {
      const { stdout } = await gilliam(`${line} --json`);
      expect(() => JSON.parse(stdout) as unknown).not.toThrow();
    }
  });

  test('an error says what it is', async () => {
    const { stdout, code } = await gilliam('ps --formation shop --json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'NOT_FOUND', message: 'formation "shop" does not exist: gilliam create shop' },
    });
  });
});
