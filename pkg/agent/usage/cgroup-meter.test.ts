import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CgroupMeter } from './cgroup-meter';

const id = 'a'.repeat(64);
let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'cgroup-'))));
afterEach(() => rmSync(root, { recursive: true }));

function put(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

const unified = (place: string) => ({
  [`${place}/cpu.stat`]: 'usage_usec 1500\nuser_usec 1000\n',
  [`${place}/memory.current`]: '5000\n',
  [`${place}/memory.max`]: 'max\n',
  [`${place}/memory.stat`]: 'anon 100\ninactive_file 2000\n',
});
const legacy = (place: string) => ({
  [`cpuacct/${place}/cpuacct.usage`]: '1500999\n',
  [`memory/${place}/memory.usage_in_bytes`]: '5000\n',
  [`memory/${place}/memory.limit_in_bytes`]: '9223372036854771712\n',
  [`memory/${place}/memory.stat`]: 'inactive_file 1\ntotal_inactive_file 2000\n',
});

it.each([
  ['version 2, cgroupfs', unified(`docker/${id}`)],
  ['version 2, systemd', unified(`system.slice/docker-${id}.scope`)],
  ['version 1, cgroupfs', legacy(`docker/${id}`)],
  ['version 1, systemd', legacy(`system.slice/docker-${id}.scope`)],
])('reads control groups of %s', async (_what, files) => {
  put(files);
  const meter = new CgroupMeter(root);
  const expected = { cpuUs: 1_500n, memoryBytes: 3_000n, memoryLimitBytes: 0n };
  expect(await meter.read(id)).toEqual(expected);
  expect(await meter.read(id)).toEqual(expected);
  expect(await meter.read('b'.repeat(64))).toBeUndefined();
});

it('knows limits', async () => {
  put({ ...unified(`docker/${id}`), [`docker/${id}/memory.max`]: '6000\n' });
  expect(await new CgroupMeter(root).read(id)).toMatchObject({ memoryLimitBytes: 6_000n });
});

it.each(['../etc', '', 'web.1'])('reads nothing of what is no id: %j', async (other) => {
  expect(await new CgroupMeter(root).read(other)).toBeUndefined();
});
