import { TranslationSandbox } from '../testing/translation-sandbox';
import { runCommand } from './command';
import { TranslationPins } from './translation-pins';

jest.setTimeout(60_000);

let sandbox: TranslationSandbox;
beforeAll(async () => void (sandbox = await TranslationSandbox.create()));
afterAll(() => sandbox.remove());

const pins = (env: NodeJS.ProcessEnv = process.env) =>
  new TranslationPins({ run: runCommand, env, directory: sandbox.pins, cgroup: sandbox.cgroup });

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
  // Of none there is nothing to do.
  await pins().remove(mine);
  await pins().remove(other);
  expect(await sandbox.attached()).toEqual([]);
});
