import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StageHarness } from './harness';

// The checkout takes no part in this: what `npm pack` makes is installed elsewhere, and does the main job from there.
describe('the npm package', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gilliam-package-'));
  let stage: StageHarness;

  const npm = (cwd: string, ...args: string[]) =>
    execFileSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd, encoding: 'utf8' });

  beforeAll(async () => {
    npm(process.cwd(), 'pack', '--ignore-scripts', '--pack-destination', directory);
    const [file] = readdirSync(directory);
    // Scripts would compile what makes SSH faster, which works without it: all that an installation takes its time for.
    const install = ['--global', '--ignore-scripts', '--prefer-offline', '--prefix', directory];
    npm(directory, 'install', ...install, `./${file}`);
    stage = await StageHarness.start({ hostPortBase: 12_300, bin: join(directory, 'bin/gilliam') });
  });
  afterAll(async () => {
    await stage?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test('gilliam up, create, deploy, scale and ps work from where it is installed', async () => {
    const cwd = await stage.app('packed', { Procfile: 'worker: exec sleep 1000\n' });
    await stage.succeed(['create', 'packed'], { cwd });
    expect((await stage.lines(['deploy'], { cwd })).at(-1)).toBe('v1 released');
    await stage.succeed(['scale', 'worker=1', '--wait'], { cwd });
    expect((await stage.lines(['ps'], { cwd })).join()).toMatch(/^worker\.1 v1 state running/);
    for (const component of ['supervisor', 'controlplane', 'executor'] as const) {
      const { pid } = stage.process(component) as { pid: number };
      expect(execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })).toContain(
        directory,
      );
    }
  });
});
