import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../../pkg/stage/command';
import { identify, type ProcessIdentity } from '../../pkg/stage/process-record';
import { exclusively } from './exclusively';
import { StageHarness } from './harness';
import { sweepKilledRuns } from './killed-runs';
import { releaseRange } from './range-claims';
import { directoryPrefix, markDirectory, ownerOf, ownerVariable } from './run-owner';

const self = identify(process.pid) as ProcessIdentity;
/** As of a process whose number was given anew. */
const killed = ownerOf({ ...self, startTicks: self.startTicks - 1 });

describe('a run of tests that was killed', () => {
  const sweep = () => exclusively('sweep', sweepKilledRuns);

  test('its stage is taken away, with its ports, containers and rules; that of a run under way is not', async () => {
    const stage = await StageHarness.start({ hostPortBase: 13_500 });
    try {
      const cwd = await stage.app('kept', { Procfile: 'worker: exec sleep 1000\n' });
      await stage.succeed(['create', 'kept'], { cwd });
      await stage.succeed(['deploy'], { cwd });
      await stage.succeed(['scale', 'worker=1', '--wait'], { cwd });
      const key = stage.key;
      const supervisor = stage.process('supervisor');
      expect(supervisor).toBeDefined();
      await sweep();
      expect(stage.process('supervisor')).toEqual(supervisor);

      writeFileSync(join(stage.directory, 'run'), killed);
      await sweep();
      expect(existsSync(stage.directory)).toBe(false);
      expect(identify(supervisor?.pid ?? 0)?.startTicks).not.toBe(supervisor?.startTicks);
      const { stdout: left } = await runCommand('docker', ['ps', '-aq', '-f', `label=gilliam.stage=${key}`], {
        env: process.env,
      });
      expect(left).toBe('');
      const { stdout: tables } = await runCommand('nft', ['list', 'tables'], { env: process.env });
      expect(tables).not.toContain(key.replaceAll('-', '_'));
    } finally {
      if (existsSync(stage.directory)) await stage.stop();
      await releaseRange(stage.stage);
    }
  });

  test.each([
    ['what it has started is ended', killed, 'SIGKILL'],
    ['what one under way has started goes on', ownerOf(self), null],
  ] as const)('%s', async (_, owner, signal) => {
    const child = spawn('sleep', ['1000'], { env: { ...process.env, [ownerVariable]: owner } });
    const ended = new Promise((resolve) => child.once('exit', (_code, by) => resolve(by)));
    await new Promise((resolve) => child.once('spawn', resolve));
    await sweep();
    if (signal === null) {
      expect(child.signalCode).toBeNull();
      child.kill();
    }
    expect(await ended).toBe(signal ?? 'SIGTERM');
  });

  test('a directory that nobody has marked stays, and so does one of this run', async () => {
    const directory = mkdtempSync(directoryPrefix);
    try {
      await sweep();
      expect(existsSync(directory)).toBe(true);
      markDirectory(directory);
      await sweep();
      expect(existsSync(directory)).toBe(true);
      writeFileSync(join(directory, 'run'), killed);
      await sweep();
      expect(existsSync(directory)).toBe(false);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
