import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { uptime } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { SystemClock } from '../base/clock';
import { AttachedPrograms } from '../kernel/attached-programs';
import { SystemBpftool } from '../kernel/bpftool';
import { BridgeNetwork, testRange as range } from '../testing/bridge-network';
import { table, TranslationRig, web } from '../testing/translation-rig';
import { bytesOf } from './translation-bytes';
import type { TranslatorOptions } from './translator';

jest.setTimeout(60_000);

const clock = new SystemClock();

describe('translation of virtual IPs at connect', () => {
  let rig: TranslationRig;
  beforeAll(async () => {
    rig = await TranslationRig.create();
  });
  afterAll(() => rig.close());
  beforeEach(() => rig.prepare());
  afterEach(() => rig.clear());

  it('sends packets straight to the endpoint, and tells programs the address that they asked for', async () => {
    const { ips, translation } = await rig.start();
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = (await ips.addressOf(web)) as string;
    expect(await rig.seenBy(address)).toBe(rig.network.address(0));
    expect(await rig.python(peer, 'AF_INET', address)).toBe(`${address} 9001 one`);
    expect(await rig.python(peer, 'AF_INET6', `::ffff:${address}`)).toBe(`::ffff:${address} 9001 one`);
    expect(await rig.python(notWaiting, address)).toBe('EINPROGRESS connected EISCONN');
    expect((await translation.made()).get(address)).toBe(4);
    await rig.until(async () => (await translation.open()).length === 0);
  });

  it('leaves alone what is none of its own', async () => {
    const { ips } = await rig.start();
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = await ips.addressOf(web);
    expect(await rig.python(peer, 'AF_INET', rig.network.address(2))).toBe(
      `${rig.network.address(2)} 9001 two`,
    );
    // Nobody serves this port: nftables refuses it.
    expect((await rig.get(`${address}:81`)).code).toBe(7);
    // Processes elsewhere in the machine's control groups are not translated for.
    const outside = await BridgeNetwork.prototype.run.call(
      { inside: () => ['nsenter', `--net=/run/netns/${rig.client}`] },
      ...([rig.client, 'curl', '-s', '-m', '3', '--noproxy', '*', `http://${address}/`] as const),
    );
    expect(outside.stdout).toBe(`one ${rig.network.machineAddress}`);
  });

  it('counts a socket that was refused for nothing, and where it then has a connection, whatever holds it open', async () => {
    const { ips, translation } = await rig.start();
    await rig.registry.put('shop/web.1', rig.at(1, 9009));
    const address = (await ips.addressOf(web)) as string;
    const child = await rig.network.start(rig.client, 'python3', '-u', '-c', refusedFirst, address);
    // It was refused twice, and may try again: nobody waits for that.
    expect(await translation.open()).toEqual([]);
    await rig.registry.put('shop/web.2', rig.at(2));
    await rig.registry.remove('shop/web.1');
    child.kill('SIGUSR1');
    const target = `${rig.network.address(2)}:9001`;
    await rig.until(async () => (await translation.open()).length > 0);
    expect(await translation.open()).toEqual([{ virtual: address, target, count: 1 }]);
    expect((await translation.made()).get(address)).toBe(3);
    child.kill('SIGKILL');
    await rig.until(async () => (await translation.open()).length === 0);
  });

  it('invariant 7: what is withdrawn gets no connection after that was acknowledged, and loses none before', async () => {
    const { ips } = await rig.start();
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = (await ips.addressOf(web)) as string;
    const loads = Array.from({ length: 3 }, () =>
      rig.network.run(rig.client, 'python3', '-c', constantly, address),
    );
    for (let turn = 0; turn < 5; turn++) {
      const port = 9100 + turn;
      // One that dies the moment it may.
      const server = await rig.network.start(
        rig.network.members[2] as string,
        ...['sh', '-c', `exec python3 -u -m http.server ${port} --directory ${rig.directory} 2>/dev/null`],
      );
      await rig.registry.put('shop/web.2', rig.at(2, port));
      await rig.registry.remove('shop/web.2');
      server.kill('SIGKILL');
    }
    for (const load of loads) expect((await load).stdout.trim()).toMatch(/^\d+ 0$/);
  });

  it('keeps connections through changes and through a restart, and counts them in the end', async () => {
    const first = await rig.start();
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = (await first.ips.addressOf(web)) as string;
    const child = await rig.network.start(rig.client, 'python3', '-u', '-c', kept, address);
    const target = `${rig.network.address(1)}:9001`;
    expect(await first.translation.open()).toEqual([{ virtual: address, target, count: 1 }]);
    await first.ips.close();
    // Without the process, it goes on.
    expect(await rig.seenBy(address)).toBe(rig.network.address(0));
    const before = await rig.sandbox.attached();
    const second = await rig.start();
    expect(await rig.sandbox.attached()).toEqual(before);
    expect(await second.translation.open()).toEqual([{ virtual: address, target, count: 1 }]);
    expect(await rig.seenBy(address)).toBe(rig.network.address(0));
    await rig.registry.put('shop/web.2', rig.at(2));
    let acknowledged = false;
    const withdrawal = rig.registry.remove('shop/web.1').then(() => (acknowledged = true));
    await rig.until(async () => (await rig.get(address)).stdout.startsWith('two '));
    const answer = once(child.stdout as Readable, 'data');
    child.kill('SIGUSR1');
    expect(String(await answer)).toBe(`${address} one\n`);
    expect(acknowledged).toBe(false);
    child.kill('SIGUSR2');
    await withdrawal;
  });

  it('counts a connection once while programs are replaced, and there are two of each', async () => {
    const { ips, translation } = await rig.start();
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = (await ips.addressOf(web)) as string;
    const maps = join(rig.sandbox.pins, table, 'maps');
    const others = new AttachedPrograms({
      bpftool: rig.sandbox.bpftool,
      pins: join(rig.sandbox.pins, 'again'),
      cgroup: rig.sandbox.cgroup,
    });
    await mkdir(join(rig.sandbox.pins, 'again'));
    try {
      const names = await readdir(maps);
      await others.load(
        rig.sandbox.object,
        names.flatMap((name) => ['map', 'name', name, 'pinned', join(maps, name)]),
      );
      const child = await rig.network.start(rig.client, 'python3', '-u', '-c', kept, address);
      const target = `${rig.network.address(1)}:9001`;
      expect(await translation.open()).toEqual([{ virtual: address, target, count: 1 }]);
      expect(await rig.python(peer, 'AF_INET', address)).toBe(`${address} 9001 one`);
      expect((await translation.made()).get(address)).toBe(2);
      child.kill('SIGKILL');
      await rig.until(async () => (await translation.open()).length === 0);
    } finally {
      await others.remove();
      await rm(join(rig.sandbox.pins, 'again'), { recursive: true });
    }
  });

  it('leaves other stages alone', async () => {
    const { ips } = await rig.start();
    const other = rig.sandbox.translator('gilliam_other', '100.127.224.0/20');
    await other.begin();
    const services = (port: number) =>
      new Map([
        [
          'web.other.service',
          [
            {
              ...{ name: 'web.other.service', address: '100.127.224.9', port: 80 },
              endpoints: [{ address: rig.network.address(2), port }],
            },
          ],
        ],
      ]);
    await other.bringInStep(undefined, services(9001));
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = await ips.addressOf(web);
    expect((await rig.get('100.127.224.9')).stdout).toBe(`two ${rig.network.address(0)}`);
    expect(await rig.seenBy(address)).toBe(rig.network.address(0));
    await other.remove();
    expect(await rig.seenBy(address)).toBe(rig.network.address(0));
  });

  it('comes back when others have taken its programs or pins away', async () => {
    const { ips } = await rig.start();
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = await ips.addressOf(web);
    const list = (await rig.sandbox.bpftool.ask('cgroup', 'show', rig.sandbox.cgroup)) as {
      id: number;
      name: string;
    }[];
    const { id } = list.find(({ name }) => name === 'connect4') as { id: number };
    await rig.sandbox.bpftool.batch([`cgroup detach ${rig.sandbox.cgroup} connect4 id ${id}`]);
    expect(await rig.seenBy(address)).toBe(rig.network.machineAddress);
    await rig.until(async () => (await rig.seenBy(address)) === rig.network.address(0));
    await rm(join(rig.sandbox.pins, table), { recursive: true });
    await rig.until(
      async () =>
        (await rig.sandbox.attached()).length === list.length && existsSync(join(rig.sandbox.pins, table)),
    );
    await rig.until(async () => (await rig.seenBy(address)) === rig.network.address(0));
  });

  it('ends by itself where nobody keeps it in step: nftables serves', async () => {
    // What it says at first is good for a second, and it says it again after half a minute.
    const { ips } = await rig.start({ uptimeS: () => uptime() - 59 });
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = await ips.addressOf(web);
    await rig.until(async () => (await rig.seenBy(address)) === rig.network.machineAddress);
  });

  it('that cannot follow is off, never behind: nftables serves, and it begins anew', async () => {
    const { ips, translation } = await rig.start();
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = await ips.addressOf(web);
    rig.broken = /services/;
    await rig.registry.put('shop/web.2', rig.at(2));
    await rig.registry.remove('shop/web.1');
    expect(translation.isOn).toBe(false);
    for (let n = 0; n < 3; n++)
      expect((await rig.get(address)).stdout).toBe(`two ${rig.network.machineAddress}`);
    rig.broken = undefined;
    await rig.until(async () => (await rig.get(address)).stdout === `two ${rig.network.address(0)}`);
    // Not even off: nothing is acknowledged.
    rig.broken = /services|settings/;
    let acknowledged = false;
    const withdrawal = rig.registry.remove('shop/web.2').then(() => (acknowledged = true));
    await rig.until(async () => !translation.isOn);
    const refusals = rig.refusals;
    await rig.until(() => rig.refusals > refusals + 2);
    expect(acknowledged).toBe(false);
    rig.broken = undefined;
    await withdrawal;
    expect((await rig.get(address)).code).toBe(7);
  });

  it('forgets endpoints that have gone, and none that is still there or has connections', async () => {
    const { ips, translation } = await rig.start();
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = await ips.addressOf(web);
    expect(await rig.seenBy(address)).toBe(rig.network.address(0));
    const map = join(rig.sandbox.pins, table, 'maps/open');
    const pair = (n: number, count: number) =>
      `map update pinned ${map} key hex 64 7f f0 09 0a 01 ${bytesOf(n).split(' ').slice(0, 2).join(' ')} 00 50 00 00 value hex ${bytesOf(count, 0)}`;
    const gone = Array.from({ length: 1_100 }, (_, n) => pair(n, 0));
    await rig.sandbox.bpftool.batch([...gone, pair(9_999, 1)]);
    await rig.until(async () => (await translation.open()).length === 1);
    await rig.registry.put('shop/web.2', rig.at(2));
    const left = (await rig.sandbox.bpftool.ask('map', 'dump', 'pinned', map)) as unknown[];
    // The one with a connection, and that of the endpoint that was rig.asked.
    expect(left).toHaveLength(2);
  });

  it('is nothing where something is missing, and says what', async () => {
    const missing = (options: Partial<TranslatorOptions>) =>
      rig.sandbox.translator('gilliam_missing', range, options).begin();
    await expect(missing({ object: '/nonexistent/translate.bpf.o' })).rejects.toThrow(
      'translate.bpf.o is not there',
    );
    await expect(missing({ cgroup: undefined })).rejects.toThrow('no control groups of version 2');
    await expect(missing({ pins: '/sys/nowhere/gilliam_x' })).rejects.toThrow(
      'nothing can be kept in the kernel',
    );
    const absent = new SystemBpftool({ clock, command: ['gilliam-has-no-bpftool'] });
    await expect(missing({ bpftool: absent })).rejects.toThrow('install it (apt-get install bpftool)');
    expect(existsSync(join(rig.sandbox.pins, 'gilliam_missing'))).toBe(false);
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
