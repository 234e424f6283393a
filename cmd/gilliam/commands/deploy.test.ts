import { PreconditionError } from '../../../pkg/base/errors';
import { CliHarness, type RunOptions } from '../testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
});
afterEach(() => cli.close());

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);

describe('deploy', () => {
  test('not a git repository', async () => {
    await gilliam('create shop');
    expect(await gilliam('deploy')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error: .* is not in a git repository, and a deploy is of a commit: git init/,
      ) as string,
    });
  });

  test('no commit yet', async () => {
    await gilliam('create shop');
    cli.git(['init', '--quiet']);
    expect(await gilliam('deploy')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/ has no commit yet, .*: git add \. && git commit -m first\n$/) as string,
    });
  });

  test('warns of uncommitted changes, and deploys HEAD', async () => {
    await cli.deployed();
    cli.write('Procfile', 'web: other\n');
    cli.write('new.txt', '');
    const outcome = await gilliam('deploy -m again');
    expect(outcome.stderr).toMatch(
      /^warning: 2 files have uncommitted changes, which are not deployed: HEAD is [0-9a-f]{7}\n$/,
    );
    expect(outcome.code).toBe(0);
  });

  test('warns of submodules, whose files git does not archive', async () => {
    const commit = await cli.deployed();
    cli.git(['update-index', '--add', '--cacheinfo', `160000,${commit},lib/a b`]);
    cli.git(['commit', '--quiet', '-m', 'with a submodule']);
    expect((await gilliam('deploy')).stderr).toContain(
      'warning: the files of submodule "lib/a b" are not deployed: commit them to this repository itself\n',
    );
  });

  test('prints the build as it happens, and what came of it last', async () => {
    cli.commit();
    await gilliam('create shop');
    expect((await gilliam('deploy')).stdout).toBe(
      'building fake: it is a test\n[1/1] RUN true\nbuilt\nv1 released\n',
    );
    expect((await gilliam('deploy')).stdout).toMatch(
      /\nv1 is this image and configuration already: nothing released\n$/,
    );
  });

  test('sends the directory of .gilliam.app, whatever directory it is called in', async () => {
    cli.write('big/file', 'x'.repeat(100_000));
    cli.write('service/Procfile', 'web: serve\n');
    cli.commit();
    await gilliam('create shop', { cwd: 'service' });
    await gilliam('deploy', { cwd: 'service/src' });
    expect(cli.api.builder.received[0]).toBeLessThan(100_000);
    expect(await gilliam('create other', { cwd: 'empty' })).toMatchObject({ code: 0 });
    expect((await gilliam('deploy', { cwd: 'empty' })).stderr).toMatch(
      /^error: nothing of .*empty at .* is committed/,
    );
  });

  test('a build that fails releases nothing, and says why', async () => {
    cli.commit();
    await gilliam('create shop');
    cli.api.builder.failure = new PreconditionError('step 2 of 3 failed: RUN npm ci: exit 1');
    expect(await gilliam('deploy')).toMatchObject({
      code: 1,
      stderr: 'error: step 2 of 3 failed: RUN npm ci: exit 1\n',
    });
    expect((await gilliam('releases')).stdout).toBe('');
  });

  test('interrupted, it cancels the build and releases nothing', async () => {
    cli.commit();
    await gilliam('create shop');
    cli.api.builder.hangs = true;
    const interrupt = new AbortController();
    const outcome = await gilliam('deploy', {
      signal: interrupt.signal,
      onStdout: (text) => text.includes('built') && interrupt.abort(),
    });
    expect(outcome).toMatchObject({
      code: 130,
      stderr: 'error: the build was cancelled: nothing is released\n',
    });
    expect((await gilliam('releases')).stdout).toBe('');
  });

  test('--json prints the release on stdout and the build on stderr', async () => {
    cli.commit();
    await gilliam('create shop');
    const outcome = await gilliam('deploy --json');
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      metadata: { name: 'v1' },
      spec: { message: 'first' },
    });
    expect(outcome.stderr).toContain('[1/1] RUN true');
  });

  test('gilliam.yml refines the processes that the Procfile says', async () => {
    cli.write('Procfile', 'web: serve\nworker: work\n');
    cli.write(
      'gilliam.yml',
      'processes:\n  web: {env: {LEVEL: debug}, grace: 30s}\n  clock: {script: tick}\n',
    );
    cli.commit();
    await gilliam('create shop');
    const { spec } = JSON.parse((await gilliam('deploy --json')).stdout) as {
      spec: { source: string; processes: Record<string, object> };
    };
    expect(spec.processes).toMatchObject({
      web: { command: ['/bin/sh', '-c', 'web'], env: { LEVEL: 'debug' }, graceMs: 30_000 },
      worker: { command: ['/bin/sh', '-c', 'worker'] },
      clock: { command: ['/bin/sh', '-c', 'exec tick'] },
    });
    expect(spec.source).toMatch(/^[0-9a-f]{64}$/);
    expect((await gilliam('deploy --plan')).stdout).toContain('process clock: exec tick\n');
  });

  test('a manifest that is wrong is refused, with its place, before anything is built', async () => {
    cli.write('Procfile', 'web: serve\n');
    cli.write('gilliam.yml', 'processes:\n  web:\n    scrip: serve\n');
    cli.commit();
    await gilliam('create shop');
    expect(await gilliam('deploy')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'error: gilliam.yml:3:5: processes.web.scrip is no key: did you mean script?\n',
    });
  });
});
