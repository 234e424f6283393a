import { SystemClock } from '../base/clock';
import { SystemBpftool } from '../kernel/bpftool';
import { TranslationSandbox } from '../testing/translation-sandbox';
import { TranslationPins } from './translation-pins';

jest.setTimeout(60_000);

let sandbox: TranslationSandbox;
beforeAll(async () => void (sandbox = await TranslationSandbox.create()));
afterAll(() => sandbox.remove());

const pins = (bpftool = sandbox.bpftool) =>
  new TranslationPins({ bpftool, directory: sandbox.pins, cgroup: sandbox.cgroup });

test('a stage’s programs are taken away, and those of another one stay', async () => {
  const [mine, other] = ['gilliam_mine', 'gilliam_other'];
  await sandbox.translator(mine, '100.127.224.0/20').begin();
  await sandbox.translator(other, '100.127.240.0/20').begin();
  const both = await sandbox.attached();
  expect(pins().isThere(mine)).toBe(true);
  await pins().remove(mine);
  expect(pins().isThere(mine)).toBe(false);
  expect(pins().isThere(other)).toBe(true);
  const left = await sandbox.attached();
  expect(both).toEqual([...left, ...left].sort());
  // Without the program nothing is taken away, and it says what to do.
  const absent = new SystemBpftool({ clock: new SystemClock(), command: ['gilliam-has-no-bpftool'] });
  await expect(pins(absent).remove(other)).rejects.toThrow(
    /^virtual IPs are still translated by programs in .*: install it \(apt-get install bpftool\); then run this again$/,
  );
  expect(await sandbox.attached()).toEqual(left);
  // Of none there is nothing to do.
  await pins().remove(mine);
  await pins().remove(other);
  expect(await sandbox.attached()).toEqual([]);
});
