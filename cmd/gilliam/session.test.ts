import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliHarness, type RunOptions } from './testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
});
afterEach(() => cli.close());

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);
const ok = (stdout: string) => ({ code: 0, stdout, stderr: '' });

describe("the quick intro's session", () => {
  test('goes as it is written there', async () => {
    const commit = await cli.deployed('sell things');
    expect(readFileSync(join(cli.directory, 'work', '.gilliam.app'), 'utf8')).toBe('formation: shop\n');
    expect(await gilliam('config')).toEqual(ok(''));
    expect(await gilliam('config POOL_SIZE=64')).toEqual(ok('v2 released\n'));
    expect(await gilliam('config')).toEqual(ok('POOL_SIZE=64\n'));
    expect(await gilliam('scale')).toEqual(ok(''));
    expect(await gilliam('scale v2 web=2 worker=4')).toEqual(ok('v2 web=2 worker=4\n'));
    expect(await gilliam('scale')).toEqual(ok('v2 web=2 worker=4\n'));
    await cli.running(2, 'v2');
    await cli.running(1, 'v2');
    expect(await gilliam('ps')).toEqual(
      ok(
        'web.1 v2 state running (just now) on host H port 10000\n' +
          'web.2 v2 state running (just now) on host H port 10001\n',
      ),
    );
    const [v2, v1] = JSON.parse((await gilliam('releases --json')).stdout) as {
      spec: Record<string, unknown>;
    }[];
    expect(v1?.spec).toMatchObject({ commit, message: 'sell things' });
    // A configuration change carries on the image, and says so in its message.
    expect(v2?.spec).toMatchObject({
      image: v1?.spec.image,
      message: 'set POOL_SIZE',
      config: { POOL_SIZE: '64' },
    });
  });

  test('says on a terminal what to do next, and only there', async () => {
    const terminal = { terminal: true };
    cli.write('Procfile', 'web: serve\n');
    cli.commit();
    expect((await gilliam('create shop', terminal)).stderr).toBe('next: gilliam deploy\n');
    expect((await gilliam('deploy', terminal)).stderr).toBe('next: gilliam scale v1 web=1\n');
    expect((await gilliam('scale web=3', terminal)).stderr).toBe('next: gilliam ps\n');
    // The new release is to run as the one before does.
    expect((await gilliam('config A=1', terminal)).stderr).toBe('next: gilliam scale v2 web=3\n');
  });

  test('has a plan for each change, and a plan changes nothing', async () => {
    cli.commit();
    expect((await gilliam('create shop --plan')).stdout).toBe(
      'would create formation shop\nwould write .gilliam.app\n',
    );
    expect(await gilliam('ps')).toMatchObject({ code: 2 });
    await gilliam('create shop');
    expect((await gilliam('deploy --plan')).stdout).toBe(
      'kind: fake (it is a test)\nprocess web: web (port 8080)\nprocess worker: worker\nDockerfile:\n  FROM scratch\n',
    );
    expect((await gilliam('releases')).stdout).toBe('');
    await gilliam('deploy');
    expect((await gilliam('config A=1 B=2 --unset C --plan')).stdout).toBe(
      'would release v2: set A, B; unset C\n',
    );
    expect((await gilliam('config')).stdout).toBe('');
    expect((await gilliam('scale web=2 --plan')).stdout).toBe('would scale v1: web 0 → 2\n');
    expect((await gilliam('scale')).stdout).toBe('');
    expect((await gilliam('destroy shop --plan')).stdout).toBe(
      'would stop all instances of shop and forget it\n',
    );
  });
});
