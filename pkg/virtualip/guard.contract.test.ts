import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { BridgeNetwork, type Ran, testRange as range } from '../testing/bridge-network';
import { FakeRegistry } from '../testing/fake-registry';
import { TranslationSandbox } from '../testing/translation-sandbox';
import { bridgeOf } from './bridge-of';
import { Guard, type GuardOptions } from './guard';
import { BridgeHairpin } from './hairpin';
import { removeTable, SystemNft } from './nft';
import type { Translation } from './translation';
import { VirtualIps } from './virtual-ips';

jest.setTimeout(60_000);

const clock = new SystemClock();
const table = 'gilliam_guard_test';
const port = 6379;
/** Of a daemon that knows instances by their addresses. */
const daemonPort = 8080;

/** Real rules in a real kernel. Member 0 is `_cache` of shop, 1 shop's web, 2 blog's web, 3 nobody that is known. */
describe.each([
  ['by nftables alone', false],
  ['translated at connect', true],
])('the guard of auxiliary services in the kernel, %s', (_, translated) => {
  let sandbox: TranslationSandbox | undefined;
  let translation: Translation | undefined;
  let network: BridgeNetwork;
  let nft: SystemNft;
  let dir: string;
  let registry: FakeRegistry;
  let ips: VirtualIps;
  let guard: Guard;
  let address: string;

  beforeAll(async () => {
    if (translated) sandbox = await TranslationSandbox.create();
    network = await BridgeNetwork.create(4, sandbox?.cgroup);
    nft = new SystemNft({ clock, command: [...network.inside(network.machine), 'nft'] });
    await network.serve(0, port, 'cache');
    await network.serve(2, 8000, 'blog');
    await network.serveMachine(daemonPort, 'machine');
    await network.serveMachine(8081, 'another of the machine');
    await network.serveMachine(8082, 'cache of another machine');
    await network.start(network.machine, 'python3', '-u', '-c', datagrams, '53');
    // What the engine does for a published port: a process of the machine takes connections, and passes them on.
    await network.start(
      network.machine,
      'python3',
      '-u',
      '-c',
      forwarder,
      '10003',
      network.address(0),
      String(port),
    );
  });
  afterAll(async () => {
    await network.remove();
    await sandbox?.remove();
  });

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gilliam-'));
    registry = new FakeRegistry();
  });
  afterEach(async () => {
    await guard.close();
    await ips.close();
    await removeTable(nft, table);
    await sandbox?.translator(table, range).remove();
    for (const family of ['ip', 'inet', 'bridge'] as const)
      expect(await nft.hasTable(table, family)).toBe(false);
    await rm(dir, { recursive: true });
  });

  async function start(bridged: boolean): Promise<void> {
    await network.setBridged(bridged);
    const inside = network.inside(network.machine);
    const common = { registry, executor: 'here', table, nft, clock, log: silentLogger };
    translation = sandbox?.translation(table, range);
    ips = new VirtualIps({
      ...{ ...common, range, ...(translation && { translation }) },
      file: join(dir, 'virtual-ips.json'),
      hairpin: new BridgeHairpin({
        ...{ address: network.machineAddress, command: [...inside, 'ip'] },
        bridged: async () => bridged,
      }),
    });
    guard = newGuard();
    await ips.start();
    expect(translation?.isOn ?? false).toBe(translated);
    await guard.start();
    registry.setIdentity(network.address(0), 'shop/_cache.1');
    registry.setIdentity(network.address(1), 'shop/web.1');
    registry.setIdentity(network.address(2), 'blog/web.1');
    await announce();
    address = (await ips.addressOf({ formation: 'shop', service: '_cache' })) ?? '';
  }

  const newGuard = (options: Pick<GuardOptions, 'resyncMs' | 'leaseMs'> = {}) =>
    new Guard({
      ...{ registry, executor: 'here', table, range, nft, clock, log: silentLogger },
      ...{ virtualIps: ips, daemonPorts: [daemonPort] },
      machineAddresses: () => [network.machineAddress, '172.31.78.1'],
      bridge: () => bridgeOf(network.machineAddress, [...network.inside(network.machine), 'ip']),
      ...options,
    });

  const announce = (sharedWith: string[] = []) =>
    registry.put('shop/_cache.1', {
      ...{ host: network.machineAddress, port: 10_003, ports: { [port]: 10_003 }, executor: 'here' },
      ...{ address: network.address(0), sharedWith },
    });

  const get = (from: string, url: string): Promise<Ran> =>
    network.run(from, 'curl', '-s', '-S', '-m', '1', '--noproxy', '*', `http://${url}/`);
  const member = (index: number) => network.members[index] as string;
  /** Each way to it: by container, by virtual address, by published port. */
  const ways = () => [
    `${network.address(0)}:${port}`,
    `${address}:${port}`,
    `${network.machineAddress}:10003`,
  ];

  /** All ways at once: to find out that nobody answers takes a second. */
  async function codes(from: string): Promise<number[]> {
    const answers = await Promise.all(ways().map((way) => get(from, way)));
    return answers.map(({ code }) => code);
  }

  /** Until all ways answer so, a second at most. */
  async function soon(from: string, expected: number): Promise<void> {
    const untilMs = clock.monotonic() + 1_000;
    for (const way of ways()) {
      while ((await get(from, way)).code !== expected) {
        if (clock.monotonic() > untilMs)
          throw new Error(`${way} does not answer ${expected} within a second`);
      }
    }
  }

  /** Five seconds at most. */
  async function eventually(from: string, way: string, expected: number): Promise<void> {
    const untilMs = clock.monotonic() + 5_000;
    while ((await get(from, way)).code !== expected) expect(clock.monotonic()).toBeLessThan(untilMs);
  }

  const [reached, refused, silence] = [0, 7, 28];

  it.each([false, true])(
    'lets own instances through, and refuses others at once, whichever way they come (br_netfilter: %s)',
    async (bridged) => {
      await start(bridged);
      await soon(member(2), refused);
      expect(await codes(member(1))).toEqual([reached, reached, reached]);
      expect(await codes(member(2))).toEqual([refused, refused, refused]);
      expect(await codes(member(3))).toEqual([silence, silence, silence]);
      // The machine itself: health checks, the router, root.
      expect(await codes(network.machine)).toEqual([reached, reached, reached]);
    },
  );

  it.each([false, true])(
    'a share opens it within a second, and its end closes it to new connections (br_netfilter: %s)',
    async (bridged) => {
      await start(bridged);
      await soon(member(2), refused);
      await announce(['blog']);
      await soon(member(2), reached);
      const kept = await keep(member(2));
      await announce([]);
      await soon(member(2), refused);
      expect(await kept()).toContain('cache');
      expect(await codes(member(1))).toEqual([reached, reached, reached]);
    },
  );

  it('holds containers back before they are announced', async () => {
    await start(false);
    await registry.remove('shop/_cache.1');
    const way = `${network.address(0)}:${port}`;
    expect((await get(member(2), way)).code).toBe(refused);
    expect((await get(member(1), way)).code).toBe(reached);
  });

  it.each([false, true])(
    'hears nobody who has got the address of another one, until it is told whose it is (br_netfilter: %s)',
    async (bridged) => {
      await start(bridged);
      const [mine, seat] = [network.address(1), await network.link(1)];
      registry.setIdentity(mine, 'shop/web.1', { link: seat });
      const elsewhere = '172.31.78.1:8082';
      await registry.put('shop/_cache.2', {
        ...{ host: '172.31.78.1', port: 8082, ports: { [port]: 8082 }, executor: 'there' },
      });
      await guard.inStep();
      expect(await codes(member(1))).toEqual([reached, reached, reached]);
      expect((await get(member(1), elsewhere)).code).toBe(reached);
      // It has ended, and its address is given to one that nobody knows: not a word of it is heard as the other one's.
      await network.swap(1, 3);
      try {
        const machine = `${network.machineAddress}:${daemonPort}`;
        const [heard, ...more] = await Promise.all([
          codes(member(3)),
          get(member(3), machine),
          get(member(3), elsewhere),
        ]);
        expect([...heard, ...more.map(({ code }) => code)]).toEqual(Array(5).fill(silence));
        // It may be anybody's, and nobody may be left to say whose: all else is none of the guard's business.
        const others = [`${network.machineAddress}:8081`, `172.31.78.1:8081`, `${network.address(2)}:8000`];
        for (const other of others) expect(await get(member(3), other)).toMatchObject({ code: reached });
        const asked = await network.run(member(3), 'python3', '-c', ask, '172.31.78.1', '53');
        expect(asked.stdout).toBe(`${mine}\n`);
        // Told: it is nobody, whom the machine may hear, and then somebody of another formation.
        registry.removeIdentity(mine);
        await guard.inStep();
        expect(await codes(member(3))).toEqual([silence, silence, silence]);
        expect((await get(member(3), machine)).code).toBe(reached);
        registry.setIdentity(mine, 'blog/web.2', { link: await network.link(3) });
        await guard.inStep();
        expect(await codes(member(3))).toEqual([refused, refused, refused]);
        expect((await get(member(3), machine)).code).toBe(reached);
      } finally {
        await network.swap(1, 3);
      }
    },
  );

  it('guards what other machines publish', async () => {
    await start(false);
    const host = '172.31.78.1';
    await registry.put('shop/_cache.2', { host, port: 10_003, ports: { [port]: 10_003 }, executor: 'there' });
    await soon(member(2), refused);
    expect((await get(member(1), `${host}:10003`)).code).toBe(reached);
    expect((await get(member(2), `${host}:10003`)).code).toBe(refused);
  });

  it('cuts nobody off when it is begun anew, before it is told who is here', async () => {
    await start(false);
    await soon(member(2), refused);
    await guard.close();
    const before = registry;
    registry = new FakeRegistry();
    await announce();
    guard = newGuard();
    await guard.start();
    await guard.inStep();
    expect(await codes(member(1))).toEqual([reached, reached, reached]);
    expect(await codes(member(2))).toEqual([refused, refused, refused]);
    // Told: whoever is not there any more is nobody.
    registry.setIdentity(network.address(0), 'shop/_cache.1');
    await guard.inStep();
    expect((await get(member(1), `${network.address(0)}:${port}`)).code).toBe(silence);
    registry = before;
  });

  it.each([
    ['all rules', ['ruleset']],
    ['the tables, and left them', ['table', 'inet', table]],
  ])('comes back when others have flushed %s', async (_what, flushed) => {
    await start(false);
    await soon(member(2), refused);
    await guard.close();
    guard = newGuard({ resyncMs: 100 });
    await guard.start();
    await network.run(network.machine, 'nft', 'flush', ...flushed);
    await eventually(member(2), `${network.address(0)}:${port}`, refused);
  });

  it('holds while it is renewed, and takes nothing from anybody when nobody does that any more', async () => {
    await start(false);
    await guard.close();
    const leaseMs = 2_000;
    guard = newGuard({ resyncMs: 100, leaseMs });
    await guard.start();
    await soon(member(2), refused);
    const heldMs = clock.monotonic() + 2 * leaseMs;
    while (clock.monotonic() < heldMs) expect(await codes(member(2))).toEqual([refused, refused, refused]);
    await guard.close();
    for (const way of ways()) {
      await eventually(member(2), way, reached);
      await eventually(member(3), way, reached);
    }
    guard = newGuard({ leaseMs });
    await guard.start();
    await soon(member(2), refused);
  });

  /** A connection of a namespace that stays open; the answer to a request over it, when asked for. */
  async function keep(from: string): Promise<() => Promise<string>> {
    const child = await network.start(from, 'python3', '-u', '-c', keeper, network.address(0), String(port));
    return () =>
      new Promise((resolve) => {
        child.stdout?.once('data', (data: Buffer) => resolve(data.toString()));
        child.kill('SIGUSR1');
      });
  }
});

const forwarder = `
import socket, sys, threading
server = socket.create_server(('0.0.0.0', int(sys.argv[1])), backlog=64)
print('listening')
def copy(one, other):
    while True:
        data = one.recv(65536)
        if not data: break
        other.sendall(data)
    other.shutdown(socket.SHUT_WR)
while True:
    one, _ = server.accept()
    other = socket.create_connection((sys.argv[2], int(sys.argv[3])))
    for pair in ((one, other), (other, one)): threading.Thread(target=copy, args=pair, daemon=True).start()
`;

/** Answers each datagram with the address it came from. */
const datagrams = `
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('0.0.0.0', int(sys.argv[1])))
print('listening')
while True:
    _, client = server.recvfrom(512)
    server.sendto(client[0].encode(), client)
`;

const ask = `
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(2)
client.sendto(b'who am I', (sys.argv[1], int(sys.argv[2])))
print(client.recv(512).decode())
`;

const keeper = `
import http.client, signal, sys
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]))
def ask(*_):
    connection.request('GET', '/')
    print(connection.getresponse().read().decode())
signal.signal(signal.SIGUSR1, ask)
ask()
while True: signal.pause()
`;
