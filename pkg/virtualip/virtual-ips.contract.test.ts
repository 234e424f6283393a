import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../base/clock';
import { PreconditionError } from '../base/errors';
import { silentLogger } from '../base/log';
import { BridgeNetwork, testRange as range } from '../testing/bridge-network';
import { FakeRegistry } from '../testing/fake-registry';
import { TranslationSandbox } from '../testing/translation-sandbox';
import { SystemConnections } from './connections';
import { BridgeHairpin } from './hairpin';
import { removeTable, SystemNft } from './nft';
import { TranslatedConnections } from './translated-connections';
import { VirtualIps } from './virtual-ips';

jest.setTimeout(60_000);

const clock = new SystemClock();
const table = 'gilliam_test';
const web = { service: 'web', formation: 'shop' };

/** Real rules in a real kernel, in namespaces of their own. Member 0 calls, 1 and 2 serve. */
describe.each([
  ['by nftables alone', false],
  ['translated at connect', true],
])('virtual IPs in the kernel, %s', (_, translated) => {
  let sandbox: TranslationSandbox | undefined;
  let network: BridgeNetwork;
  let nft: SystemNft;
  let dir: string;
  let registry: FakeRegistry;
  const open: VirtualIps[] = [];

  beforeAll(async () => {
    if (translated) sandbox = await TranslationSandbox.create();
    network = await BridgeNetwork.create(3, sandbox?.cgroup);
    nft = new SystemNft({ clock, command: [...network.inside(network.machine), 'nft'] });
    await network.serve(1, 9001, 'one');
    await network.serve(2, 9001, 'two');
  });
  afterAll(async () => {
    await network.remove();
    await sandbox?.remove();
  });
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gilliam-'));
    registry = new FakeRegistry();
    await network.setBridged(false);
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()));
    await removeTable(nft, table);
    await sandbox?.translator(table, range).remove();
    expect(await nft.hasTable(table)).toBe(false);
    await rm(dir, { recursive: true });
  });

  async function start(
    times: { drainMs?: number; holdMs?: number; resyncMs?: number } = {},
  ): Promise<VirtualIps> {
    const inside = network.inside(network.machine);
    const bridged = async () =>
      (
        await network.run(network.machine, 'cat', '/proc/sys/net/bridge/bridge-nf-call-iptables')
      ).stdout.trim() === '1';
    const tracked = new SystemConnections({
      file: '/nonexistent',
      command: [...inside, 'cat', '/proc/net/nf_conntrack'],
    });
    const translation = sandbox?.translation(table, range);
    const ips = new VirtualIps({
      ...{ registry, executor: 'here', range, table, nft, clock, log: silentLogger, times },
      file: join(dir, 'virtual-ips.json'),
      dns: { address: network.machineAddress, port: 5399 },
      connections: translation ? new TranslatedConnections(tracked, translation) : tracked,
      hairpin: new BridgeHairpin({ address: network.machineAddress, command: [...inside, 'ip'], bridged }),
      ...(translation && { translation }),
    });
    open.push(ips);
    await ips.start();
    expect(translation?.isOn ?? false).toBe(translated);
    return ips;
  }

  /** An instance here, at its own address. */
  const local = (member: number, port = 9001) => ({
    ...{ host: '192.0.2.1', port: 10_000, ports: { [port]: 10_000 } },
    ...{ executor: 'here', address: network.address(member) },
  });
  /** One elsewhere: at its host, behind a mapped port. */
  const remote = (member: number) => ({ host: network.address(member), port: 9001, ports: { '80': 9001 } });

  const get = (url: string, from = network.members[0] as string) =>
    network.run(from, 'curl', '-s', '-S', '-m', '3', '--noproxy', '*', url);

  it.each([true, false])(
    'balance, hide nothing, and answer whoever asks (br_netfilter: %s)',
    async (bridged) => {
      await network.setBridged(bridged);
      const ips = await start();
      await registry.put('shop/web.1', local(1));
      await registry.put('shop/web.2', local(2));
      const address = await ips.addressOf(web);
      const answers: string[] = [];
      for (let n = 0; n < 6; n++)
        answers.push((await get(`http://${address}/`)).stdout.split(' ')[0] as string);
      expect(answers.filter((answer) => answer === 'one')).toHaveLength(3);
      expect(answers.filter((answer) => answer === 'two')).toHaveLength(3);
      // Instances call their own service, too, and are answered by themselves every other time.
      for (let n = 0; n < 4; n++) {
        expect((await get(`http://${address}:9001/`, network.members[1])).code).toBe(0);
      }
    },
  );

  it('reach instances elsewhere by the port that is mapped', async () => {
    const ips = await start();
    await registry.put('shop/web.7', remote(2));
    expect((await get(`http://${await ips.addressOf(web)}/`)).stdout).toMatch(/^two /);
  });

  it('serve the machine itself', async () => {
    const ips = await start();
    await registry.put('shop/web.1', local(1));
    expect((await get(`http://${await ips.addressOf(web)}/`, network.machine)).stdout).toMatch(/^one /);
    const refused = await get(`http://${await ips.addressOf(web)}:81/`, network.machine);
    expect(refused.code).toBe(7);
  });

  it.each([true, false])('refuse at once what nobody serves (br_netfilter: %s)', async (bridged) => {
    await network.setBridged(bridged);
    const ips = await start();
    await registry.put('shop/web.1', local(1));
    const address = await ips.addressOf(web);
    // 7: could not connect; 28 would be: no answer in time.
    expect((await get(`http://${address}:81/`)).code).toBe(7);
    await registry.remove('shop/web.1');
    expect((await get(`http://${address}/`)).code).toBe(7);
    const udp = await network.run(network.members[0] as string, 'python3', '-c', udpProbe, address as string);
    expect(udp.stdout.trim()).toBe('refused');
    await network.setUplink(false);
    const withoutRoute = await get(`http://${address}/`);
    await network.setUplink(true);
    expect(withoutRoute.code).toBe(7);
  });

  it('take queries to the resolver to where they are answered, over UDP', async () => {
    const ips = await start();
    await network.start(network.machine, 'python3', '-u', '-c', udpEcho);
    const asked = await network.run(
      network.members[0] as string,
      'python3',
      '-c',
      udpProbe,
      ips.resolver,
      '53',
    );
    expect(asked.stdout.trim()).toBe('echo');
  });

  it('lose no connection while endpoints come and go', async () => {
    const ips = await start();
    await registry.put('shop/web.1', local(1));
    const address = await ips.addressOf(web);
    const load = network.run(network.members[0] as string, 'python3', '-c', load100, `${address}`);
    let over = false;
    void load.then(() => (over = true));
    for (let turn = 0; !over; turn++) {
      await registry.put('shop/web.2', local(2));
      await registry.remove(turn % 2 === 0 ? 'shop/web.1' : 'shop/web.2');
      await registry.put('shop/web.1', local(1));
    }
    expect(JSON.parse((await load).stdout)).toMatchObject({ failed: [] });
  });

  it('invariant 7: a withdrawal waits for the connections that are under way, and no longer', async () => {
    const ips = await start({ drainMs: 20_000 });
    await registry.put('shop/web.1', local(1));
    await registry.put('shop/web.2', local(2));
    const only = await ips.addressOf({ ...web, instance: '1' });
    const holder = await network.start(
      network.members[0] as string,
      'python3',
      '-u',
      '-c',
      holdOpen,
      only as string,
    );
    let confirmed = false;
    const withdrawal = registry.remove('shop/web.1').then(() => (confirmed = true));
    // Nothing new goes there any more.
    const address = await ips.addressOf(web);
    for (let n = 0; n < 3; n++) expect((await get(`http://${address}/`)).stdout).toMatch(/^two /);
    expect(confirmed).toBe(false);
    holder.kill('SIGKILL');
    await once(holder, 'close');
    const before = clock.monotonic();
    await withdrawal;
    expect(clock.monotonic() - before).toBeLessThan(5000);
  });

  it('invariant 6: rules go on without the process, and through its restart', async () => {
    const first = await start();
    await registry.put('shop/web.1', local(1));
    const address = await first.addressOf(web);
    await first.close();
    expect((await get(`http://${address}/`)).stdout).toMatch(/^one /);
    registry = new FakeRegistry();
    const second = await start({ holdMs: 500, resyncMs: 100 });
    expect((await get(`http://${address}/`)).stdout).toMatch(/^one /);
    await registry.put('shop/web.1', local(2));
    expect((await get(`http://${address}/`)).stdout).toMatch(/^two /);
    expect(await second.addressOf(web)).toBe(address);
  });

  it('come back when others have flushed all rules', async () => {
    const ips = await start({ resyncMs: 100 });
    await registry.put('shop/web.1', local(1));
    const address = await ips.addressOf(web);
    await network.run(network.machine, 'nft', 'flush', 'ruleset');
    const end = clock.monotonic() + 10_000;
    while ((await get(`http://${address}/`)).code !== 0) expect(clock.monotonic()).toBeLessThan(end);
  });

  it('of many names and endpoints are taken by the kernel', async () => {
    const ips = await start();
    for (let n = 0; n < 1000; n++) {
      await registry.put(`shop/big.${n}`, { host: `10.1.${n >> 8}.${n & 255}`, port: 80 });
    }
    const long = 'x'.repeat(63);
    await registry.put(`${long}/${long}.1`, local(1));
    for (let n = 0; n < 500; n++) await registry.put(`shop/s${n}.1`, local(1));
    expect(await ips.addressOf({ service: 'big', formation: 'shop' })).toBeDefined();
    expect(await ips.addressOf({ service: long, formation: long })).toBeDefined();
    const names = Array.from({ length: 500 }, (_, n) =>
      ips.addressOf({ service: `s${n}`, formation: 'shop' }),
    );
    const last = (await Promise.all(names)).at(-1);
    expect((await get(`http://${last}/`)).stdout).toMatch(/^one /);
  });

  it('are not there where nft is not, or may not', async () => {
    const missing = new SystemNft({ clock, command: ['gilliam-has-no-nft'] });
    await expect(missing.hasTable(table)).rejects.toThrow(PreconditionError);
    await expect(missing.apply('')).rejects.toThrow('install nftables');
    const nobody = new SystemNft({
      clock,
      command: ['setpriv', '--reuid', '65534', '--clear-groups', 'nft'],
    });
    await expect(nobody.apply(`add table ip ${table}_x\n`)).rejects.toThrow('run as root');
    await expect(nft.apply('add rule ip nowhere nothing accept\n')).rejects.toThrow(
      'No such file or directory',
    );
  });
});

// Asks again, as whoever uses UDP has to: the kernel sends few ICMP messages a second, and some get lost.
const udpProbe = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.5)
s.connect((sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 99))
for attempt in range(20):
    try:
        s.send(b'echo'); print(s.recv(99).decode()); break
    except ConnectionRefusedError: print('refused'); break
    except socket.timeout: pass
`;

const udpEcho = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('172.31.77.1', 5399))
print('ready')
while True:
    data, peer = s.recvfrom(999); s.sendto(data, peer)
`;

/** Connections one after the other, each with a request, for three seconds. */
const load100 = `
import http.client, json, sys, time
end, done, failed = time.time() + 3, 0, []
while time.time() < end:
    try:
        c = http.client.HTTPConnection(sys.argv[1], 80, timeout=3)
        c.request('GET', '/'); assert c.getresponse().read(); c.close(); done += 1
    except Exception as error: failed.append(f'{time.time() - end:.3f} {error!r}')
print(json.dumps({'done': done, 'failed': failed}))
`;

const holdOpen = `
import socket, sys, time
s = socket.create_connection((sys.argv[1], 9001))
print('connected')
time.sleep(60)
`;
