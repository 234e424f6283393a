import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { BridgeNetwork, testRange as range } from '../testing/bridge-network';
import { FakeRegistry } from '../testing/fake-registry';
import { TranslationSandbox } from '../testing/translation-sandbox';
import { SystemConnections } from './connections';
import { BridgeHairpin } from './hairpin';
import { removeTable, SystemNft } from './nft';
import type { Translation } from './translation';
import { VirtualIps } from './virtual-ips';

jest.setTimeout(60_000);

const clock = new SystemClock();
const table = 'gilliam_shares';

describe.each([
  ['by nftables alone', false],
  ['translated at connect', true],
])('shares of releases, by the real kernel, %s', (_, translated) => {
  let sandbox: TranslationSandbox | undefined;
  let translation: Translation | undefined;
  let network: BridgeNetwork;
  let nft: SystemNft;
  let dir: string;
  let ips: VirtualIps;
  const registry = new FakeRegistry();

  beforeAll(async () => {
    if (translated) sandbox = await TranslationSandbox.create();
    translation = sandbox?.translation(table, range);
    network = await BridgeNetwork.create(3, sandbox?.cgroup);
    nft = new SystemNft({ clock, command: [...network.inside(network.machine), 'nft'] });
    await network.serve(1, 9001, 'one');
    await network.serve(2, 9001, 'two');
    dir = await mkdtemp(join(tmpdir(), 'gilliam-'));
    const inside = network.inside(network.machine);
    ips = new VirtualIps({
      ...{ registry, executor: 'here', range, table, nft, clock, log: silentLogger },
      ...(translation && { translation }),
      file: join(dir, 'virtual-ips.json'),
      dns: { address: network.machineAddress, port: 5399 },
      connections: new SystemConnections({
        file: '/nonexistent',
        command: [...inside, 'cat', '/proc/net/nf_conntrack'],
      }),
      hairpin: new BridgeHairpin({
        address: network.machineAddress,
        command: [...inside, 'ip'],
        bridged: async () => false,
      }),
    });
    await ips.start();
    expect(translation?.isOn ?? false).toBe(translated);
  });
  afterAll(async () => {
    await ips.close();
    await removeTable(nft, table);
    await network.remove();
    await sandbox?.remove();
    await rm(dir, { recursive: true });
  });

  const announce = (member: number, release: string, trafficPercent?: number) =>
    registry.put(`shop/web.${member}`, {
      ...{ host: '192.0.2.1', port: 10_000, ports: { '9001': 10_000 }, executor: 'here' },
      ...{ address: network.address(member), release },
      ...(trafficPercent !== undefined && { trafficPercent }),
    });

  async function answersOfTwo(count: number): Promise<number> {
    const url = `http://${await ips.addressOf({ service: 'web', formation: 'shop' })}/`;
    const command = `for n in $(seq ${count}); do curl -s -m 3 --noproxy '*' ${url}; echo; done`;
    const { stdout } = await network.run(network.members[0] as string, 'sh', '-c', command);
    return stdout.split('\n').filter((line) => line.startsWith('two')).length;
  }

  it('a canary with 5 % of the connections gets exactly that, and half without a share', async () => {
    await announce(1, 'v1');
    await announce(2, 'v2', 5);
    expect(await answersOfTwo(200)).toBe(10);
    await announce(2, 'v2', 0);
    expect(await answersOfTwo(20)).toBe(0);
    await announce(2, 'v2');
    expect(await answersOfTwo(20)).toBe(10);
  });
});
