import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import type { TrafficLine } from '../registry/traffic';
import { BridgeNetwork, testRange as range } from '../testing/bridge-network';
import { FakeRegistry } from '../testing/fake-registry';
import { TranslationSandbox } from '../testing/translation-sandbox';
import { type ConnectionTable, SystemConnections } from './connections';
import { removeTable, SystemNft } from './nft';
import { TranslatedConnections } from './translated-connections';
import type { Translation } from './translation';
import { VirtualIpTraffic } from './virtual-ip-traffic';
import { VirtualIps } from './virtual-ips';

jest.setTimeout(120_000);

const clock = new SystemClock();
const table = 'gilliam_traffic';
const port = 9001;

describe.each([
  ['by nftables alone', false],
  ['translated at connect', true],
])('connections through virtual IPs, as the real kernel counts them, %s', (_, translated) => {
  let sandbox: TranslationSandbox | undefined;
  let translation: Translation | undefined;
  let network: BridgeNetwork;
  let nft: SystemNft;
  let dir: string;
  let ips: VirtualIps;
  let traffic: VirtualIpTraffic;
  const registry = new FakeRegistry();

  beforeAll(async () => {
    if (translated) sandbox = await TranslationSandbox.create();
    translation = sandbox?.translation(table, range);
    network = await BridgeNetwork.create(2, sandbox?.cgroup);
    await network.setBridged(false);
    const inside = network.inside(network.machine);
    nft = new SystemNft({ clock, command: [...inside, 'nft'] });
    await network.serve(1, port, 'one');
    dir = await mkdtemp(join(tmpdir(), 'gilliam-'));
    const tracked = new SystemConnections({
      file: '/nonexistent',
      command: [...inside, 'cat', '/proc/net/nf_conntrack'],
    });
    const connections = translation ? new TranslatedConnections(tracked, translation) : tracked;
    const common = {
      ...{ registry, table, nft, connections, clock, log: silentLogger },
      ...(translation && { translation }),
    };
    ips = new VirtualIps({
      ...{ ...common, executor: 'here', range },
      ...{ file: join(dir, 'virtual-ips.json'), dns: { address: network.machineAddress, port: 5399 } },
    });
    await ips.start();
    expect(translation?.isOn ?? false).toBe(translated);
    // What was counted before the first look is of before: the test begins after it.
    await new Promise<void>((begun) => {
      const open: ConnectionTable['open'] = (range) => {
        begun();
        return connections.open(range);
      };
      traffic = new VirtualIpTraffic({
        ...{ ...common, connections: { open }, virtualIps: ips },
        ...{ random: new SystemRandom(), lookMs: 50 },
      });
      traffic.start();
    });
  });
  afterAll(async () => {
    traffic.close();
    await ips.close();
    await removeTable(nft, table);
    await network.remove();
    await sandbox?.remove();
    await rm(dir, { recursive: true });
  });

  /** Until a line says so. */
  async function until(holds: (line: TrafficLine) => boolean): Promise<void> {
    // A machine that is busy looks seldom.
    const endMs = clock.monotonic() + 30_000;
    while (!traffic.lines().some((line) => line.release === 'v1' && holds(line))) {
      if (clock.monotonic() > endMs) throw new Error(`it is ${JSON.stringify(traffic.lines())}`);
      await network.run(network.machine, 'true');
    }
  }

  it('new ones, by the service that they were made to, and one that is open and idle for as long as it is', async () => {
    const announced = { host: '192.0.2.1', port: 10_000, ports: { [port]: 10_000 }, release: 'v1' };
    await registry.put('shop/web.1', { ...announced, executor: 'here', address: network.address(1) });
    const address = (await ips.addressOf({ service: 'web', formation: 'shop' })) as string;
    const client = network.members[0] as string;
    const get = () => network.run(client, 'curl', '-s', '-m', '3', '--noproxy', '*', `http://${address}/`);
    for (let n = 0; n < 3; n++) expect((await get()).stdout).toMatch(/^one /);
    await until(({ connections, open }) => connections === 3 && open === undefined);
    // The machine's own count as well.
    await network.run(network.machine, 'curl', '-s', '-m', '3', '--noproxy', '*', `http://${address}/`);
    await until(({ connections }) => connections === 4);

    const holder = await network.start(client, 'python3', '-u', '-c', holdOpen, address, String(port));
    await until(({ connections, open }) => connections === 5 && open === 1);
    // Rules that change begin no count anew, and cut nobody off.
    await registry.put('shop/other.1', { host: '192.0.2.9', port: 80 });
    await ips.addressOf({ service: 'other', formation: 'shop' });
    expect((await get()).code).toBe(0);
    await until(({ connections, open }) => connections === 6 && open === 1);
    holder.kill('SIGKILL');
    await once(holder, 'close');
    await until(({ open }) => open === undefined);
  });
});

const holdOpen = `
import socket, sys, time
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print('connected')
time.sleep(60)
`;
