import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import { FakeRegistry } from '../testing/fake-registry';
import { VirtualClock } from '../testing/virtual-clock';
import { parseRange } from './address-range';
import type { OpenConnections } from './connections';
import { VirtualIpTraffic } from './virtual-ip-traffic';

const virtual = '198.18.16.5';
const target = '172.17.0.2:8080';
const open: VirtualIpTraffic[] = [];
afterEach(() => open.splice(0).forEach((one) => one.close()));

async function harness() {
  const clock = new VirtualClock();
  const registry = new FakeRegistry();
  const at = { host: '192.0.2.2', port: 10_000, ports: { '8080': 10_000 }, release: 'v1' };
  await registry.put('shop/web.1', { ...at, executor: 'here', address: '172.17.0.2' });
  const kernel = {
    counted: undefined as number | undefined,
    translated: 0,
    open: [] as OpenConnections[] | undefined,
    fails: false,
    looks: 0,
    lookMs: 0,
  };
  const warnings: string[] = [];
  const traffic = new VirtualIpTraffic({
    ...{ registry, table: 'gilliam_test', clock, random: new SystemRandom() },
    log: { ...silentLogger, warn: (message: string) => void warnings.push(message) },
    virtualIps: {
      nameOf: (address) => (address === virtual ? 'web.shop.service' : undefined),
      viewpoint: {
        executor: 'here',
        range: parseRange('198.18.16.0/20'),
        resolve: () => undefined,
      },
    },
    nft: {
      packets: async () => {
        kernel.looks++;
        if (kernel.fails) throw new Error('nft has refused');
        return new Map(kernel.counted === undefined ? [] : [[virtual, kernel.counted]]);
      },
    },
    translation: { made: async () => new Map([[virtual, kernel.translated]]) },
    connections: {
      open: async () => {
        if (kernel.lookMs > 0) await clock.advance(kernel.lookMs);
        return kernel.open;
      },
    },
  });
  open.push(traffic);
  /** What is told after another look. */
  const look = async () => {
    await clock.advance(5_000);
    return traffic.lines();
  };
  return { clock, kernel, traffic, warnings, look };
}

it('counts what the kernel has counted since it began, whatever was before', async () => {
  const { kernel, traffic, clock, look } = await harness();
  kernel.counted = 100;
  traffic.start();
  await clock.advance(0);
  expect(traffic.lines()).toEqual([]);
  kernel.counted = 103;
  expect(await look()).toMatchObject([
    { formation: 'shop', service: 'web', release: 'v1', requests: 0, connections: 3 },
  ]);
  kernel.counted = 104;
  expect(await look()).toMatchObject([{ connections: 4 }]);
});

it('goes on when the table was made anew: the kernel counts from nothing then', async () => {
  const { kernel, traffic, look } = await harness();
  traffic.start();
  kernel.counted = 7;
  await look();
  kernel.counted = 2;
  expect(await look()).toMatchObject([{ connections: 9 }]);
  kernel.counted = undefined;
  expect(await look()).toMatchObject([{ connections: 9 }]);
});

it('counts what was translated as well, and goes on when one of both counts from nothing', async () => {
  const { kernel, traffic, look } = await harness();
  [kernel.counted, kernel.translated] = [10, 100];
  traffic.start();
  await look();
  [kernel.counted, kernel.translated] = [11, 102];
  expect(await look()).toMatchObject([{ connections: 3 }]);
  [kernel.counted, kernel.translated] = [1, 103];
  expect(await look()).toMatchObject([{ connections: 5 }]);
});

it('tells of connections as long as they are open, though nothing goes over them', async () => {
  const { kernel, traffic, look } = await harness();
  traffic.start();
  kernel.open = [{ virtual, target, count: 2 }];
  for (let round = 0; round < 200; round++) expect(await look()).toMatchObject([{ open: 2 }]);
  kernel.open = [];
  expect((await look())[0]).not.toHaveProperty('open');
});

it('goes on, and complains once, while the kernel does not answer', async () => {
  const { kernel, traffic, warnings, look } = await harness();
  traffic.start();
  kernel.counted = 1;
  await look();
  kernel.fails = true;
  for (let round = 0; round < 3; round++) await look();
  expect(warnings).toHaveLength(1);
  kernel.fails = false;
  kernel.counted = 5;
  expect(await look()).toMatchObject([{ connections: 5 }]);
});

it('counts what is made where nobody can say what is open', async () => {
  const { kernel, traffic, look } = await harness();
  traffic.start();
  kernel.open = undefined;
  kernel.counted = 3;
  expect(await look()).toMatchObject([{ connections: 3 }]);
});

it('looks less often where a look takes long, and not at all once it is closed', async () => {
  const { clock, kernel, traffic } = await harness();
  kernel.lookMs = 1_000;
  traffic.start();
  await clock.advance(0);
  expect(kernel.looks).toBe(1);
  await clock.advance(15_000);
  expect(kernel.looks).toBe(1);
  await clock.advance(6_000);
  expect(kernel.looks).toBe(2);
  traffic.close();
  await clock.advance(60_000);
  expect(kernel.looks).toBe(2);
  expect(clock.pending).toBe(0);
});
