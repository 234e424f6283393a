import { SystemClock } from '../base/clock';
import { SystemBpftool } from '../kernel/bpftool';
import { TranslationSandbox } from '../testing/translation-sandbox';
import { kernelRanges } from './kernel-ranges';
import { pickVirtualRange } from './virtual-range';

jest.setTimeout(60_000);

let sandbox: TranslationSandbox;
beforeAll(async () => void (sandbox = await TranslationSandbox.create()));
afterAll(() => sandbox.remove());

test('a stage has no range of another that this kernel has programs of, with or without rules, up or killed', async () => {
  const range = pickVirtualRange('dead-1f2e3d4c', new Set(await kernelRanges(sandbox.bpftool)));
  const dead = sandbox.translator('gilliam_dead_1f2e3d4c', range);
  await dead.begin();
  const ranges = await kernelRanges(sandbox.bpftool);
  expect(ranges).toContain(range);
  expect(pickVirtualRange('dead-1f2e3d4c', new Set(ranges))).not.toBe(range);
  await dead.remove();
  expect(await kernelRanges(sandbox.bpftool)).not.toContain(range);
});

test('where bpftool is missing there are none', async () => {
  const absent = new SystemBpftool({ clock: new SystemClock(), command: ['gilliam-has-no-bpftool'] });
  expect(await kernelRanges(absent)).toEqual([]);
});
