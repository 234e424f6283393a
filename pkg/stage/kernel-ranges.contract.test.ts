import { join } from 'node:path';
import { SystemClock } from '../base/clock';
import { SystemBpftool } from '../kernel/bpftool';
import { allSettings } from '../kernel/translation-settings';
import { eventually } from '../testing/api-harness';
import { TranslationSandbox } from '../testing/translation-sandbox';
import { runCommand } from './command';
import { kernelRanges } from './kernel-ranges';
import { Nftables } from './nftables';
import { pickVirtualRange } from './virtual-range';

jest.setTimeout(60_000);

let sandbox: TranslationSandbox;
beforeAll(async () => void (sandbox = await TranslationSandbox.create()));
afterAll(() => sandbox.remove());

test('a stage has no range of another that this kernel has programs of, with or without rules, up or killed', async () => {
  const settings = join(sandbox.pins, 'gilliam_dead_1f2e3d4c', 'maps', 'settings');
  // Of no stage that is down for the moment either: it is to find its range as it was.
  const taken = [
    ...(await kernelRanges(sandbox.bpftool)),
    ...(await new Nftables(runCommand, process.env).virtualRanges()),
  ];
  const range = pickVirtualRange('dead-1f2e3d4c', new Set(taken));
  const dead = sandbox.translator('gilliam_dead_1f2e3d4c', range);
  await dead.begin();
  const map = (await sandbox.bpftool.ask('map', 'show', 'pinned', settings)) as { id: number };
  const ranges = await kernelRanges(sandbox.bpftool);
  expect(ranges).toContain(range);
  expect(pickVirtualRange('dead-1f2e3d4c', new Set(ranges))).not.toBe(range);
  await dead.remove();
  // The kernel takes a moment to free it, and a stage of another test may have the range by then.
  await eventually(async () =>
    expect([...(await allSettings(sandbox.bpftool)).keys()]).not.toContain(map.id),
  );
});

test('where bpftool is missing there are none', async () => {
  const absent = new SystemBpftool({ clock: new SystemClock(), command: ['gilliam-has-no-bpftool'] });
  expect(await kernelRanges(absent)).toEqual([]);
});
