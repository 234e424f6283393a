import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { answering, eventually, get, ok, ProxyHarness } from '../testing/proxy-harness';
import { RawServer } from '../testing/raw-connection';
import { freePort } from '../testing/tcp-proxy';

let harness: ProxyHarness;
afterEach(() => harness.end());

const connectTo = (target: string) => `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;
const established = 'HTTP/1.1 200 Connection Established\r\n\r\n';

describe('CONNECT', () => {
  beforeEach(async () => {
    harness = await ProxyHarness.start();
  });

  it('carries any bytes, and each direction ends by itself', async () => {
    const endpoint = await harness.endpoint('shop/_cache.1');
    const caller = await harness.caller();
    // What is sent without waiting is not lost.
    caller.send(`${connectTo('_cache.shop.service:80')}early`);
    const instance = await endpoint.accepted();
    await instance.until('early');
    instance.send('first');
    expect(await caller.until('first')).toBe(`${established}first`);
    caller.send('\0\xff');
    await instance.until('\0\xff');
    caller.end();
    await eventually('the instance sees the end', () => instance.ended === 'end');
    instance.send('still');
    expect(await caller.until('still')).toBe('still');
    instance.end();
    expect(await caller.rest()).toBe('');
    await eventually('nothing is left', () => harness.proxy.stats().connections === 0);
    expect(harness.proxy.stats().endpoints).toMatchObject([{ tunnels: 1, outstanding: 0 }]);
  });

  it('reaches the port that is meant, and the first one at 443', async () => {
    const first = await harness.endpoint('shop/web.1', (connection) => connection.send('first'));
    const second = await harness.endpoint('shop/other.1', (connection) => connection.send('second'));
    await harness.registry.put('shop/web.1', {
      host: '127.0.0.1',
      port: first.port,
      ports: { '8080': first.port, '5432': second.port },
    });
    for (const [port, greeting] of [
      ['5432', 'second'],
      ['443', 'first'],
      ['8080', 'first'],
    ] as const) {
      const caller = await harness.caller();
      caller.send(connectTo(`web.shop.service:${port}`));
      expect(await caller.until(greeting)).toBe(established + greeting);
    }
    const caller = await harness.caller();
    caller.send(connectTo('web.shop.service:99'));
    expect(await caller.rest()).toMatch(/^HTTP\/1.1 404 [^]*has no port 99: it has/);
  });

  it('tries another instance where one refuses, and says so where all do', async () => {
    await harness.registry.put('shop/web.1', { host: '127.0.0.1', port: await freePort() });
    const refused = await harness.caller();
    refused.send(connectTo('web.shop.service:80'));
    expect(await refused.rest()).toMatch(/^HTTP\/1.1 502 [^]*refused the connection/);
    await harness.endpoint('shop/web.2', (connection) => connection.send('hello'));
    const caller = await harness.caller();
    caller.send(connectTo('web.shop.service:80'));
    expect(await caller.until('hello')).toBe(`${established}hello`);
  });

  it('says for an unknown name which are near, and for a service without an instance when to come again', async () => {
    await harness.endpoint('shop/web.1');
    await harness.endpoint('shop/mail.1');
    const unknown = await harness.caller();
    unknown.send(connectTo('wbe.shop.service:80'));
    expect(await unknown.rest()).toMatch(
      /^HTTP\/1.1 404 [^]*there is no service wbe.shop.service: nearest are web.shop.service, /,
    );
    await harness.registry.remove('shop/web.1');
    const none = await harness.caller();
    none.send(connectTo('web.shop.service:80'));
    expect(await none.rest()).toMatch(
      /^HTTP\/1.1 503 [^]*retry-after: 1\r\n[^]*has no instance that is ready/,
    );
  });

  it('shows a break as a break', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(connectTo('web.shop.service:80'));
    await caller.until(established);
    const instance = await endpoint.accepted();
    instance.send('part');
    await caller.until('part');
    instance.reset();
    await caller.rest();
    expect(caller.ended).toBe('reset');
  });

  it('ends when the caller does', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(connectTo('web.shop.service:80'));
    await caller.until(established);
    caller.reset();
    await (await endpoint.accepted()).rest();
  });

  it('is held back by whoever reads slowly', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(connectTo('web.shop.service:80'));
    await caller.until(established);
    const instance = await endpoint.accepted();
    caller.socket.pause();
    const bytes = 64 * 1024 * 1024;
    instance.send(Buffer.alloc(bytes));
    let before = -1;
    await eventually('the instance is held back', () => {
      const held = instance.socket.writableLength === before;
      before = instance.socket.writableLength;
      return held;
    });
    expect(before).toBeGreaterThan(bytes / 2);
    let received = 0;
    caller.socket.removeAllListeners('data');
    caller.socket.on('data', (data) => (received += data.length));
    caller.socket.resume();
    await eventually('all has arrived', () => received === bytes);
  });
});

it('a tunnel in which nothing happens ends', async () => {
  harness = await ProxyHarness.start({ tunnelIdleMs: 100 });
  const endpoint = await harness.endpoint();
  const caller = await harness.caller();
  caller.send(connectTo('web.shop.service:80'));
  await caller.until(established);
  await caller.rest();
  await (await endpoint.accepted()).rest();
});

describe('Upgrade', () => {
  const upgrade = get(['Connection: keep-alive, Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: a']);
  const switched =
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: y\r\n\r\n';

  beforeEach(async () => {
    harness = await ProxyHarness.start();
  });

  it('changes the protocol where both agree', async () => {
    const endpoint = await harness.endpoint();
    const caller = await harness.caller();
    caller.send(`${upgrade}early`);
    const instance = await endpoint.accepted();
    const head = await instance.until('\r\n\r\n');
    expect(head).toMatch(/\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n$/);
    expect(head).toContain('Sec-WebSocket-Key: a\r\n');
    expect(instance.text).toBe('');
    instance.send(`${switched}frame`);
    expect(await caller.until('frame')).toMatch(
      /^HTTP\/1.1 101 Switching Protocols\r\nX: y\r\n[^]*Upgrade: websocket\r\nConnection: Upgrade\r\n\r\nframe$/,
    );
    await instance.until('early');
    caller.send('more');
    await instance.until('more');
    instance.end();
    await caller.rest();
  });

  it('is answered as any request where the instance does not want to', async () => {
    await harness.endpoint('shop/web.1', answering(ok('no')));
    const caller = await harness.caller();
    caller.send(upgrade);
    expect(await caller.message()).toMatch(/^HTTP\/1.1 200 OK[^]*no$/);
    caller.send(get());
    expect(await caller.message()).toMatch(/no$/);
  });
});

describe('outside the stage', () => {
  /** A server at an address of this machine that is not its loopback would need one: names are resolved to it. */
  const resolve = (addresses: Record<string, string[]>) => async (host: string) => addresses[host] ?? [];

  it.each([
    'localhost',
    '127.0.0.1',
    '127.8.9.1',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0.0.0.0',
    '0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
  ])('the machine’s own %s is refused, also by CONNECT', async (host) => {
    harness = await ProxyHarness.start();
    let reached = 0;
    const server = createServer(() => reached++);
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '::', resolve));
    harness.onEnd(() => void server.close());
    for (const text of [get([], `http://${host}:${port}/`), connectTo(`${host}:${port}`)]) {
      const caller = await harness.caller();
      caller.send(text);
      const answer = await caller.message();
      expect(answer).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
      expect(answer).toContain('instances cannot reach it');
    }
    expect(reached).toBe(0);
  });

  it('a name that stands for the loopback is refused, and one of several addresses is passed over', async () => {
    harness = await ProxyHarness.start(
      {},
      resolve({ evil: ['127.0.0.1', '::1'], 'evil.example.com': ['127.0.0.1'] }),
    );
    for (const host of ['evil', 'evil.example.com']) {
      const caller = await harness.caller();
      caller.send(get([], `http://${host}:1/`));
      expect(await caller.message()).toMatch(/^HTTP\/1.1 403 [^]*is this machine's own/);
    }
  });

  it('what others have announced is checked as well', async () => {
    harness = await ProxyHarness.start();
    const endpoint = await harness.endpoint();
    for (const host of ['127.0.0.1', 'localhost']) {
      await harness.registry.put('shop/db.1', { host, port: endpoint.port }, { source: 'external' });
      const caller = await harness.caller();
      caller.send(connectTo(`db.shop.service:${endpoint.port}`));
      expect(await caller.rest()).toMatch(/^HTTP\/1.1 403 [^]*this machine's own/);
    }
    expect(endpoint.connections).toHaveLength(0);
  });

  const reachable = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
  (reachable === undefined ? it.skip : it)('all else is passed through, by name and by address', async () => {
    const address = reachable as string;
    const server = await RawServer.start(
      (connection) => connection.socket.once('data', () => connection.send(ok('out'))),
      address,
    );
    harness = await ProxyHarness.start(
      { allow: ['api.example.com', address] },
      resolve({ 'api.example.com': [address] }),
    );
    harness.onEnd(() => server.close());
    for (const host of ['api.example.com', address]) {
      const caller = await harness.caller();
      caller.send(get([], `http://${host}:${server.port}/path`));
      expect(await caller.message()).toMatch(/out$/);
      const tunnel = await harness.caller();
      tunnel.send(`${connectTo(`${host}:${server.port}`)}x`);
      expect(await tunnel.until('out')).toMatch(/^HTTP\/1.1 200 Connection Established/);
    }
    expect(harness.proxy.stats().endpoints).toEqual([]);
  });

  it('only allowed hosts are reached where there is a list', async () => {
    harness = await ProxyHarness.start(
      { allow: ['*.example.com:443', '10.0.0.0/8'] },
      resolve({ 'example.org': ['192.0.2.1'], 'api.example.com': ['192.0.2.1'] }),
    );
    for (const host of ['example.org:443', 'api.example.com:80', '192.0.2.1:443']) {
      const caller = await harness.caller();
      caller.send(connectTo(host));
      expect(await caller.rest()).toMatch(/^HTTP\/1.1 403 [^]*not among the hosts that are allowed/);
    }
  });

  it('a host that does not exist', async () => {
    const unknown = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    harness = await ProxyHarness.start({}, unknown);
    harness.registry.setIdentity('127.0.0.1', 'shop/api.1');
    await harness.endpoint('shop/web.1');
    const caller = await harness.caller();
    caller.send(get([], 'http://nowhere.example.com/'));
    expect(await caller.message()).toMatch(
      /^HTTP\/1.1 502 [^]*\r\ngilliam-error: there is no host "nowhere.example.com"\r\n/,
    );
    // A short name that is nobody's was most likely meant to be a service's.
    caller.send(get([], 'http://wbe/'));
    expect(await caller.message()).toMatch(
      /^HTTP\/1.1 404 [^]*there is no service wbe [^]*nearest are web.shop.service/,
    );
  });

  it('a host whose address does not come', async () => {
    harness = await ProxyHarness.start({ resolveMs: 50 }, () => new Promise(() => {}));
    const caller = await harness.caller();
    caller.send(get([], 'http://slow.example.com/'));
    expect(await caller.message()).toMatch(/^HTTP\/1.1 504 [^]*was not found within 50 ms/);
  });
});
