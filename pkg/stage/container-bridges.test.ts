import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { containerBridges } from './container-bridges';

const { signal } = new AbortController();
const devices = mkdtempSync(join(tmpdir(), 'gilliam-devices-'));
afterAll(() => rmSync(devices, { recursive: true }));

for (const path of [
  ...['eth0/device', 'eth1/device', 'bond0/lower_eth1', 'veth1', 'lo', 'br0/brif/eth0'],
  ...['docker0/brif/veth1', 'docker_gwbridge', 'br-0123456789ab', 'br-lan/brif/bond0', 'apps/brif/veth1'],
]) {
  mkdirSync(join(devices, path), { recursive: true });
}

const found = async (...told: string[]) => [
  ...(await containerBridges({ bridges: async () => told }, signal, devices)),
];

test.each<[string, string[], string[]]>([
  ['an engine that is not up has those of the usual names', [], []],
  ['others are known by what the engine says', ['docker0', 'apps'], ['apps']],
  ['a bridge that the machine’s network is on leads out', ['br0', 'br-lan'], []],
  ['one that is gone is none', ['gone'], []],
])('%s', async (_what, told, more) => {
  expect((await found(...told)).sort()).toEqual(
    ['br-0123456789ab', 'docker0', 'docker_gwbridge', ...more].sort(),
  );
});

test('a machine that tells nothing of its devices has none', async () => {
  expect([...(await containerBridges({ bridges: async () => ['docker0'] }, signal, '/nowhere'))]).toEqual([]);
});
