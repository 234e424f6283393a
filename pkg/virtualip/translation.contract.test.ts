import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, rmdir } from 'node:fs/promises';
import { tmpdir, uptime } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { SystemClock } from '../base/clock';
import { PreconditionError } from '../base/errors';
import { silentLogger } from '../base/log';
import { AttachedPrograms } from '../kernel/attached-programs';
import { type Bpftool, SystemBpftool } from '../kernel/bpftool';
import { BridgeNetwork, testRange as range } from '../testing/bridge-network';
import { FakeRegistry } from '../testing/fake-registry';
import { TranslationSandbox } from '../testing/translation-sandbox';
import { parseRange } from './address-range';
import { SystemConnections } from './connections';
import { removeTable, SystemNft } from './nft';
import type { Services } from './ruleset';
import { TranslatedConnections } from './translated-connections';
import { Translation } from './translation';
import { bytesOf } from './translation-bytes';
import { settingsCommand, settingsIn } from './translation-settings';
import type { Translator, TranslatorOptions } from './translator';
import { VirtualIps } from './virtual-ips';

jest.setTimeout(60_000);

const clock = new SystemClock();
const table = 'gilliam_test';
const web = { service: 'web', formation: 'shop' };

/** Real programs in a real kernel, for a control group of their own. Member 0 calls, 1 and 2 serve. */
describe('translation of virtual IPs at connect', () => {
  let sandbox: TranslationSandbox;
  let network: BridgeNetwork;
  let nft: SystemNft;
  let dir: string;
  let registry: FakeRegistry;
  /** Why bpftool fails, whatever it is asked; or the first word of what it refuses. */
  let broken: RegExp | undefined;
  /** What it was told, and asked, by the network that is tested. */
  const written: string[] = [];
  const asked: string[] = [];
  const open: VirtualIps[] = [];

  beforeAll(async () => {
    sandbox = await TranslationSandbox.create();
    network = await BridgeNetwork.create(3, sandbox.cgroup);
    nft = new SystemNft({ clock, command: [...network.inside(network.machine), 'nft'] });
    await network.setBridged(false);
    await network.serve(1, 9001, 'one');
    await network.serve(2, 9001, 'two');
  });
  afterAll(async () => {
    await network.remove();
    await sandbox.remove();
  });
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gilliam-'));
    registry = new FakeRegistry();
    broken = undefined;
  });
  afterEach(async () => {
    broken = undefined;
    await Promise.all(open.splice(0).map((one) => one.close()));
    await removeTable(nft, table);
    await sandbox.translator(table, range).remove();
    expect(await sandbox.attached()).toEqual([]);
    await rm(dir, { recursive: true });
  });

  const bpftool: Bpftool = {
    batch: async (commands) => {
      const refused = commands.find((command) => broken?.test(command));
      if (refused !== undefined) throw new PreconditionError(`bpftool has refused ${refused}`);
      written.push(...commands);
      await sandbox.bpftool.batch(commands);
    },
    ask: (...command) => {
      asked.push(command.join(' '));
      return sandbox.bpftool.ask(...command);
    },
  };

  async function start(options: Partial<TranslatorOptions> = {}, { isOn = true } = {}) {
    const inside = network.inside(network.machine);
    const translator = sandbox.translator(table, range, { bpftool, ...options });
    const translation = new Translation({ translator, clock, log: silentLogger, retryMs: 200 });
    const connections = new TranslatedConnections(
      new SystemConnections({
        file: '/nonexistent',
        command: [...inside, 'cat', '/proc/net/nf_conntrack'],
      }),
      translation,
    );
    const ips = new VirtualIps({
      ...{ registry, executor: 'here', range, table, nft, clock, log: silentLogger },
      ...{ connections, translation, file: join(dir, 'virtual-ips.json') },
      times: { drainMs: 20_000, resyncMs: 100 },
    });
    open.push(ips);
    await ips.start();
    expect(translation.isOn).toBe(isOn);
    return { ips, translation, connections, translator };
  }

  const at = (member: number, port = 9001) => ({
    ...{ host: '192.0.2.1', port: 10_000, ports: { [port]: 10_000 } },
    ...{ executor: 'here', address: network.address(member) },
  });
  const client = () => network.members[0] as string;
  const python = async (program: string, ...args: string[]) => {
    const { stdout, stderr } = await network.run(client(), 'python3', '-c', program, ...args);
    return stdout.trim() || stderr;
  };
  const get = (address: string | undefined) =>
    network.run(client(), 'curl', '-s', '-S', '-m', '3', '--noproxy', '*', `http://${address}/`);
  /** Whose address the endpoint sees: the client's own where nothing is in between. */
  const seenBy = async (address: string | undefined) => (await get(address)).stdout.split(' ')[1];

  async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const endMs = clock.monotonic() + 30_000;
    while (!(await holds())) {
      if (clock.monotonic() > endMs) throw new Error('it has not come to be so');
      await network.run(network.machine, 'true');
    }
  }

  it('sends packets straight to the endpoint, and tells programs the address that they asked for', async () => {
    const { ips, translation } = await start();
    await registry.put('shop/web.1', at(1));
    const address = (await ips.addressOf(web)) as string;
    expect(await seenBy(address)).toBe(network.address(0));
    expect(await python(peer, 'AF_INET', address)).toBe(`${address} 9001 one`);
    expect(await python(peer, 'AF_INET6', `::ffff:${address}`)).toBe(`::ffff:${address} 9001 one`);
    expect(await python(notWaiting, address)).toBe('EINPROGRESS connected EISCONN');
    expect((await translation.made()).get(address)).toBe(4);
    await until(async () => (await translation.open()).length === 0);
  });

  it('leaves alone what is none of its own', async () => {
    const { ips } = await start();
    await registry.put('shop/web.1', at(1));
    const address = await ips.addressOf(web);
    expect(await python(peer, 'AF_INET', network.address(2))).toBe(`${network.address(2)} 9001 two`);
    // Nobody serves this port: nftables refuses it.
    expect((await get(`${address}:81`)).code).toBe(7);
    // Processes elsewhere in the machine's control groups are not translated for.
    const outside = await BridgeNetwork.prototype.run.call(
      { inside: () => ['nsenter', `--net=/run/netns/${client()}`] },
      ...([client(), 'curl', '-s', '-m', '3', '--noproxy', '*', `http://${address}/`] as const),
    );
    expect(outside.stdout).toBe(`one ${network.machineAddress}`);
  });

  it('counts a socket that was refused for nothing, and where it then has a connection, whatever holds it open', async () => {
    const { ips, translation } = await start();
    await registry.put('shop/web.1', at(1, 9009));
    const address = (await ips.addressOf(web)) as string;
    const child = await network.start(client(), 'python3', '-u', '-c', refusedFirst, address);
    // It was refused twice, and may try again: nobody waits for that.
    expect(await translation.open()).toEqual([]);
    await registry.put('shop/web.2', at(2));
    await registry.remove('shop/web.1');
    child.kill('SIGUSR1');
    const target = `${network.address(2)}:9001`;
    await until(async () => (await translation.open()).length > 0);
    expect(await translation.open()).toEqual([{ virtual: address, target, count: 1 }]);
    expect((await translation.made()).get(address)).toBe(3);
    child.kill('SIGKILL');
    await until(async () => (await translation.open()).length === 0);
  });

  it('invariant 7: what is withdrawn gets no connection after that was acknowledged, and loses none before', async () => {
    const { ips } = await start();
    await registry.put('shop/web.1', at(1));
    const address = (await ips.addressOf(web)) as string;
    const loads = Array.from({ length: 3 }, () =>
      network.run(client(), 'python3', '-c', constantly, address),
    );
    for (let turn = 0; turn < 5; turn++) {
      const port = 9100 + turn;
      // One that dies the moment it may.
      const server = await network.start(
        network.members[2] as string,
        ...['sh', '-c', `exec python3 -u -m http.server ${port} --directory ${dir} 2>/dev/null`],
      );
      await registry.put('shop/web.2', at(2, port));
      await registry.remove('shop/web.2');
      server.kill('SIGKILL');
    }
    for (const load of loads) expect((await load).stdout.trim()).toMatch(/^\d+ 0$/);
  });

  it('keeps connections through changes and through a restart, and counts them in the end', async () => {
    const first = await start();
    await registry.put('shop/web.1', at(1));
    const address = (await first.ips.addressOf(web)) as string;
    const child = await network.start(client(), 'python3', '-u', '-c', kept, address);
    const target = `${network.address(1)}:9001`;
    expect(await first.translation.open()).toEqual([{ virtual: address, target, count: 1 }]);
    await first.ips.close();
    // Without the process, it goes on.
    expect(await seenBy(address)).toBe(network.address(0));
    const before = await sandbox.attached();
    const second = await start();
    expect(await sandbox.attached()).toEqual(before);
    expect(await second.translation.open()).toEqual([{ virtual: address, target, count: 1 }]);
    expect(await seenBy(address)).toBe(network.address(0));
    await registry.put('shop/web.2', at(2));
    let acknowledged = false;
    const withdrawal = registry.remove('shop/web.1').then(() => (acknowledged = true));
    await until(async () => (await get(address)).stdout.startsWith('two '));
    const answer = once(child.stdout as Readable, 'data');
    child.kill('SIGUSR1');
    expect(String(await answer)).toBe(`${address} one\n`);
    expect(acknowledged).toBe(false);
    child.kill('SIGUSR2');
    await withdrawal;
  });

  it('counts a connection once while programs are replaced, and there are two of each', async () => {
    const { ips, translation } = await start();
    await registry.put('shop/web.1', at(1));
    const address = (await ips.addressOf(web)) as string;
    const maps = join(sandbox.pins, table, 'maps');
    const others = new AttachedPrograms({
      bpftool: sandbox.bpftool,
      pins: join(sandbox.pins, 'again'),
      cgroup: sandbox.cgroup,
    });
    await mkdir(join(sandbox.pins, 'again'));
    try {
      const names = await readdir(maps);
      await others.load(
        sandbox.object,
        names.flatMap((name) => ['map', 'name', name, 'pinned', join(maps, name)]),
      );
      const child = await network.start(client(), 'python3', '-u', '-c', kept, address);
      const target = `${network.address(1)}:9001`;
      expect(await translation.open()).toEqual([{ virtual: address, target, count: 1 }]);
      expect(await python(peer, 'AF_INET', address)).toBe(`${address} 9001 one`);
      expect((await translation.made()).get(address)).toBe(2);
      child.kill('SIGKILL');
      await until(async () => (await translation.open()).length === 0);
    } finally {
      await others.remove();
      await rm(join(sandbox.pins, 'again'), { recursive: true });
    }
  });

  it('leaves other stages alone', async () => {
    const { ips } = await start();
    const other = sandbox.translator('gilliam_other', '100.127.224.0/20');
    await other.begin();
    const services = (port: number) =>
      new Map([
        [
          'web.other.service',
          [
            {
              ...{ name: 'web.other.service', address: '100.127.224.9', port: 80 },
              endpoints: [{ address: network.address(2), port }],
            },
          ],
        ],
      ]);
    await other.bringInStep(undefined, services(9001));
    await registry.put('shop/web.1', at(1));
    const address = await ips.addressOf(web);
    expect((await get('100.127.224.9')).stdout).toBe(`two ${network.address(0)}`);
    expect(await seenBy(address)).toBe(network.address(0));
    await other.remove();
    expect(await seenBy(address)).toBe(network.address(0));
  });

  it('of a stage whose addresses another one has is off in both, and comes back when that has gone', async () => {
    const { ips, translation } = await start();
    await registry.put('shop/web.1', at(1));
    const address = await ips.addressOf(web);
    const other = sandbox.translator('gilliam_other', '100.127.248.0/22');
    await expect(other.begin()).rejects.toThrow('gilliam_test and gilliam_other both have addresses');
    // nftables has it, so the machine is in between.
    expect(await seenBy(address)).toBe(network.machineAddress);
    await until(() => !translation.isOn);
    await other.remove();
    await until(() => translation.isOn);
    expect(await seenBy(address)).toBe(network.address(0));
  });

  describe('of two networks of one kernel that have one range', () => {
    /** As if this were another network, which sees no pins of the first: a BPF file system is its own to mount. */
    let elsewhere: string;
    const others: Translator[] = [];
    const services = (address: string, member: number): Services => {
      const endpoints = [{ address: network.address(member), port: 9001 }];
      return new Map([['db.other.service', [{ name: 'db.other.service', address, port: 81, endpoints }]]]);
    };
    const otherWith = (options: Partial<TranslatorOptions> = {}) => {
      const translator = sandbox.translator(table, '100.127.248.0/22', {
        pins: join(elsewhere, table),
        ...options,
      });
      others.push(translator);
      return translator;
    };
    const isOn = async (name: string) => {
      const pin = join(elsewhere, name, 'maps', 'settings');
      return settingsIn(await sandbox.bpftool.ask('map', 'dump', 'pinned', pin))?.until !== 0;
    };
    /** An address of the range that both have. */
    const shared = '100.127.248.9';

    beforeEach(async () => {
      elsewhere = join(sandbox.pins, 'elsewhere');
      await mkdir(elsewhere);
    });
    afterEach(async () => {
      for (const other of others.splice(0)) await other.remove();
      await rm(elsewhere, { recursive: true });
    });

    it('neither translates, wherever their pins are: nobody is led to what is not its own', async () => {
      const { ips, translation } = await start();
      await registry.put('shop/web.1', at(1));
      const address = await ips.addressOf(web);
      const other = otherWith();
      await expect(
        other.begin().then(() => other.bringInStep(undefined, services(shared, 2))),
      ).rejects.toThrow('both have addresses of 100.127.248.0/22');
      // In the first network nobody has this address.
      expect((await get(`${shared}:81`)).stdout).toBe('');
      expect(await seenBy(address)).toBe(network.machineAddress);
      await until(() => !translation.isOn);
      await other.remove();
      await until(() => translation.isOn);
      expect(await seenBy(address)).toBe(network.address(0));
    });

    it('the one that comes later serves by nftables at once, and is on when the other has gone', async () => {
      const first = otherWith();
      await first.begin();
      await first.bringInStep(undefined, services(shared, 2));
      const { ips, translation } = await start({}, { isOn: false });
      await registry.put('shop/web.1', at(1));
      const address = await ips.addressOf(web);
      expect(await seenBy(address)).toBe(network.machineAddress);
      await registry.put('shop/web.2', at(2));
      await registry.remove('shop/web.1');
      expect((await get(address)).stdout).toBe(`two ${network.machineAddress}`);
      await first.remove();
      await until(() => translation.isOn);
      expect(await seenBy(address)).toBe(network.address(0));
    });

    it('the one that waits only looks: nothing is written or attached again and again', async () => {
      const first = otherWith();
      await first.begin();
      await start({}, { isOn: false });
      const looks = () => asked.filter((command) => command === 'map show').length;
      const after = async (count: number) => {
        const end = looks() + count;
        await until(() => looks() >= end);
      };
      await after(1);
      written.splice(0);
      asked.splice(0);
      const attached = await sandbox.bpftool.ask('cgroup', 'show', sandbox.cgroup);
      await after(3);
      expect(written).toEqual([]);
      expect(asked.filter((command) => /maps\/(services|targets)/.test(command))).toEqual([]);
      expect(await sandbox.bpftool.ask('cgroup', 'show', sandbox.cgroup)).toEqual(attached);
    });

    it('neither translates, whichever looks first, when both begin at once', async () => {
      for (let turn = 0; turn < 5; turn++) {
        const both = [otherWith(), otherWith({ pins: join(elsewhere, 'gilliam_too') })];
        const begun = await Promise.allSettled(
          both.map(async (one) => {
            await one.begin();
            await one.bringInStep(undefined, services(shared, 2));
          }),
        );
        expect(begun.map(({ status }) => status)).toContain('rejected');
        expect([await isOn(table), await isOn('gilliam_too')]).toEqual([false, false]);
        for (const other of others.splice(0)) await other.remove();
      }
    });

    it('one that is switched off while it says that it goes on sees the other', async () => {
      let uptimeS = uptime();
      const first = otherWith({ uptimeS: () => uptimeS });
      await first.begin();
      await first.bringInStep(undefined, services(shared, 2));
      const second = otherWith({ pins: join(elsewhere, 'gilliam_too') });
      await expect(second.begin()).rejects.toThrow('gilliam_test and gilliam_too both have');
      uptimeS += 40;
      await expect(first.bringInStep(services(shared, 2), services(shared, 2))).rejects.toThrow(
        'gilliam_too and gilliam_test both have',
      );
      expect(await isOn(table)).toBe(false);
    });

    it('neither translates where one has its programs at a control group below that of the other', async () => {
      const below = join(sandbox.cgroup, 'below');
      await mkdir(below);
      try {
        const above = otherWith();
        await above.begin();
        await above.bringInStep(undefined, services(shared, 2));
        const pins = join(sandbox.pins, 'below');
        await mkdir(pins);
        const inner = otherWith({ cgroup: below, pins: join(pins, table) });
        await expect(inner.begin()).rejects.toThrow('another network of this kernel (BPF map ');
        await expect(above.begin()).rejects.toThrow('another network of this kernel (BPF map ');
        // Beside each other, programs run for different processes.
        await above.remove();
        await inner.begin();
        const beside = join(sandbox.cgroup, 'beside');
        await mkdir(beside);
        await otherWith({ cgroup: beside }).begin();
        for (const other of others.splice(0)) await other.remove();
        await rmdir(beside);
        await rmdir(pins);
      } finally {
        await rmdir(below);
      }
    });

    it('a network of another version is switched off as well, and its settings are left as it has them', async () => {
      const pin = join(elsewhere, 'gilliam_old', 'maps', 'settings');
      await mkdir(dirname(pin), { recursive: true });
      const { first, last } = parseRange('100.127.248.0/22');
      await sandbox.bpftool.batch([
        `map create ${pin} type array key 4 value 16 entries 1 name settings`,
        settingsCommand(`pinned ${pin}`, { until: 4_000_000_000, first, last, layout: 1 }),
      ]);
      const other = otherWith();
      await expect(other.begin()).rejects.toThrow('gilliam_old and gilliam_test both have');
      const dump = await sandbox.bpftool.ask('map', 'dump', 'pinned', pin);
      expect(settingsIn(dump)).toEqual({ until: 0, first, last, layout: 1 });
      await rm(join(elsewhere, 'gilliam_old'), { recursive: true });
      await other.begin();
    });
  });

  it('comes back when others have taken its programs or pins away', async () => {
    const { ips } = await start();
    await registry.put('shop/web.1', at(1));
    const address = await ips.addressOf(web);
    const list = (await sandbox.bpftool.ask('cgroup', 'show', sandbox.cgroup)) as {
      id: number;
      name: string;
    }[];
    const { id } = list.find(({ name }) => name === 'connect4') as { id: number };
    await sandbox.bpftool.batch([`cgroup detach ${sandbox.cgroup} connect4 id ${id}`]);
    expect(await seenBy(address)).toBe(network.machineAddress);
    await until(async () => (await seenBy(address)) === network.address(0));
    await rm(join(sandbox.pins, table), { recursive: true });
    await until(
      async () => (await sandbox.attached()).length === list.length && existsSync(join(sandbox.pins, table)),
    );
    await until(async () => (await seenBy(address)) === network.address(0));
  });

  it('ends by itself where nobody keeps it in step: nftables serves', async () => {
    // What it says at first is good for a second, and it says it again after half a minute.
    const { ips } = await start({ uptimeS: () => uptime() - 59 });
    await registry.put('shop/web.1', at(1));
    const address = await ips.addressOf(web);
    await until(async () => (await seenBy(address)) === network.machineAddress);
  });

  it('that cannot follow is off, never behind: nftables serves, and it begins anew', async () => {
    const { ips, translation } = await start();
    await registry.put('shop/web.1', at(1));
    const address = await ips.addressOf(web);
    broken = /services/;
    await registry.put('shop/web.2', at(2));
    await registry.remove('shop/web.1');
    expect(translation.isOn).toBe(false);
    for (let n = 0; n < 3; n++) expect((await get(address)).stdout).toBe(`two ${network.machineAddress}`);
    broken = undefined;
    await until(async () => (await get(address)).stdout === `two ${network.address(0)}`);
    // Not even off: nothing is acknowledged.
    broken = /services|settings/;
    let acknowledged = false;
    const withdrawal = registry.remove('shop/web.2').then(() => (acknowledged = true));
    await until(async () => !translation.isOn);
    await network.run(network.machine, 'sleep', '0.5');
    expect(acknowledged).toBe(false);
    broken = undefined;
    await withdrawal;
    expect((await get(address)).code).toBe(7);
  });

  it('forgets endpoints that have gone, and none that is still there or has connections', async () => {
    const { ips, translation } = await start();
    await registry.put('shop/web.1', at(1));
    const address = await ips.addressOf(web);
    expect(await seenBy(address)).toBe(network.address(0));
    const map = join(sandbox.pins, table, 'maps/open');
    const pair = (n: number, count: number) =>
      `map update pinned ${map} key hex 64 7f f0 09 0a 01 ${bytesOf(n).split(' ').slice(0, 2).join(' ')} 00 50 00 00 value hex ${bytesOf(count, 0)}`;
    const gone = Array.from({ length: 1_100 }, (_, n) => pair(n, 0));
    await sandbox.bpftool.batch([...gone, pair(9_999, 1)]);
    await until(async () => (await translation.open()).length === 1);
    await registry.put('shop/web.2', at(2));
    const left = (await sandbox.bpftool.ask('map', 'dump', 'pinned', map)) as unknown[];
    // The one with a connection, and that of the endpoint that was asked.
    expect(left).toHaveLength(2);
  });

  it('is nothing where something is missing, and says what', async () => {
    const missing = (options: Partial<TranslatorOptions>) =>
      sandbox.translator('gilliam_missing', range, options).begin();
    await expect(missing({ object: '/nonexistent/translate.bpf.o' })).rejects.toThrow(
      'translate.bpf.o is not there',
    );
    await expect(missing({ cgroup: undefined })).rejects.toThrow('no control groups of version 2');
    await expect(missing({ pins: '/sys/nowhere/gilliam_x' })).rejects.toThrow(
      'nothing can be kept in the kernel',
    );
    const absent = new SystemBpftool({ clock, command: ['gilliam-has-no-bpftool'] });
    await expect(missing({ bpftool: absent })).rejects.toThrow('install it (apt-get install bpftool)');
    expect(existsSync(join(sandbox.pins, 'gilliam_missing'))).toBe(false);
  });
});

const peer = `
import socket, sys
s = socket.socket(getattr(socket, sys.argv[1])); s.settimeout(3)
s.connect((sys.argv[2], 9001)); s.send(b'GET / HTTP/1.0\\r\\n\\r\\n')
name = s.getpeername()
answer = b''
while True:
    data = s.recv(999)
    if not data: break
    answer += data
print(name[0], name[1], answer.decode().split('\\r\\n\\r\\n')[1].split()[0])
`;

const notWaiting = `
import errno, select, socket, sys
s = socket.socket(); s.setblocking(False)
first = s.connect_ex((sys.argv[1], 9001))
select.select([], [s], [], 3)
print(errno.errorcode[first], 'connected' if s.connect_ex((sys.argv[1], 9001)) in (0, errno.EISCONN) else 'not', errno.errorcode[s.connect_ex((sys.argv[1], 9001))])
`;

const refusedFirst = `
import errno, signal, socket, sys
s = socket.socket()
signal.signal(signal.SIGUSR1, lambda *_: None)
print(errno.errorcode[s.connect_ex((sys.argv[1], 80))], errno.errorcode[s.connect_ex((sys.argv[1], 80))])
signal.pause()
print(s.connect_ex((sys.argv[1], 80)), flush=True)
while True: signal.pause()
`;

/** A connection each, for some seconds: how many there were, and how many failed. */
const constantly = `
import http.client, sys, time
end, done, failed = time.time() + 6, 0, 0
while time.time() < end:
    try:
        c = http.client.HTTPConnection(sys.argv[1], 80, timeout=5)
        c.request('GET', '/'); assert c.getresponse().read() is not None; c.close(); done += 1
    except Exception: failed += 1
print(done, failed)
`;

const kept = `
import http.client, signal, sys
c = http.client.HTTPConnection(sys.argv[1], 9001)
def ask(*_):
    c.request('GET', '/')
    answer = c.getresponse().read().decode().split()[0]
    # At once: whoever waits for it takes the first that comes.
    sys.stdout.write('%s %s\\n' % (c.sock.getpeername()[0], answer))
def close(*_):
    c.close()
    while True: signal.pause()
signal.signal(signal.SIGUSR1, ask)
signal.signal(signal.SIGUSR2, close)
ask()
while True: signal.pause()
`;
