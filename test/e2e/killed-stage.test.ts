import { existsSync } from 'node:fs';
import { SystemClock } from '../../pkg/base/clock';
import { SystemBpftool } from '../../pkg/kernel/bpftool';
import { tableName } from '../../pkg/kernel/table-name';
import { runCommand } from '../../pkg/stage/command';
import { kernelRanges } from '../../pkg/stage/kernel-ranges';
import { TranslationPins } from '../../pkg/stage/translation-pins';
import { type Component, StageHarness } from './harness';

const bpftool = new SystemBpftool({ clock: new SystemClock() });

const parts: readonly Component[] = ['supervisor', 'executor', 'router', 'network', 'controlplane', 'etcd'];

// What docs/operating.md promises: by hand it is a page of commands.
test('of a stage all of whose parts were killed, down --forget leaves nothing', async () => {
  const stage = await StageHarness.start({ hostPortBase: 13_600 });
  try {
    const cwd = await stage.app('kept', { Procfile: 'worker: exec sleep 1000\n' });
    await stage.succeed(['create', 'kept'], { cwd });
    await stage.succeed(['deploy'], { cwd });
    await stage.succeed(['scale', 'worker=2', '--wait'], { cwd });
    const { key } = stage;
    const { network } = stage.config<{ network: { virtualRange: string } }>();
    const left = async () => {
      const label = `label=gilliam.stage=${key}`;
      const { stdout: tables } = await runCommand('nft', ['list', 'tables'], { env: process.env });
      return {
        containers: (await stage.docker('ps', '--all', '--quiet', '--filter', label)) !== '',
        volumes: (await stage.docker('volume', 'ls', '--quiet', '--filter', label)) !== '',
        images: (await stage.docker('image', 'ls', '--quiet', `gilliam/${key}/*`)) !== '',
        tables: tables.includes(tableName(key)),
        pins: new TranslationPins({ bpftool }).isThere(tableName(key)),
        programs: (await kernelRanges(bpftool)).includes(network.virtualRange),
      };
    };
    for (const part of parts) stage.kill(part);
    expect(await left()).toMatchObject({ containers: true, images: true, tables: true });
    await stage.succeed(['down', '--forget'], { timeoutMs: 120_000 });
    expect(Object.entries(await left()).filter(([, isThere]) => isThere)).toEqual([]);
    expect(existsSync(stage.data)).toBe(false);
  } finally {
    await stage.stop();
  }
});
