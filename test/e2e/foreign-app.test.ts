import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StageHarness } from './harness';

describe('an app that no one here wrote', () => {
  let stage: StageHarness;
  let cwd: string;

  beforeAll(async () => {
    stage = await StageHarness.start({ hostPortBase: 12_400 });
    // A proxy by others, written for Heroku, as its authors have published it: with a Procfile and dependencies.
    const parent = await stage.app('foreign', { '.keep': '' });
    execFileSync('npm', ['pack', 'cors-anywhere@0.4.4', '--silent'], { cwd: parent });
    const [archive] = readdirSync(parent).filter((name) => name.endsWith('.tgz'));
    execFileSync('tar', ['--extract', '--gzip', '--file', archive as string], { cwd: parent });
    cwd = join(parent, 'package');
    await stage.git(cwd, 'init', '--quiet', '--initial-branch=main', '.');
    await stage.commit(cwd, 'as published');
  });
  afterAll(() => stage?.stop());

  test('deploys unchanged, and serves', async () => {
    await stage.succeed(['create', 'cors'], { cwd });
    const { stdout } = await stage.succeed(['deploy'], { cwd, timeoutMs: 170_000 });
    expect(stdout).toMatch(/v1 released\n$/);
    await stage.succeed(['scale', 'web=1', '--wait'], { cwd });
    const [line = ''] = await stage.lines(['ps'], { cwd });
    const [, port] = / port (\d+)$/.exec(line) ?? [];
    const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(10_000) });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('This API enables cross-origin requests to anywhere');
  });
});
