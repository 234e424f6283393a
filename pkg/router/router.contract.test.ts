import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ask, route, RouterHarness, sendRaw, until, Upstream, type Seen } from './testing';

jest.setTimeout(60_000);

const table = [
  route('web', 'a.com/', 'web.shop.service/'),
  route('user', 'a.com/user/{name}', 'web.shop.service/u/{name}', {
    requestHeaders: [{ action: 'ACTION_SET' as never, name: 'X-User', value: '{name}!' }],
  }),
  route('tenant', '{acct}.t.com/{rest:.*}', 'api.user-{acct}.service/{acct}/{rest}'),
  route('limited', 'a.com/limited/', 'web.shop.service/', { rateLimit: { requests: 3, periodMs: 60_000 } }),
  route('sticky', 'a.com/sticky/', 'web.shop.service/', { sticky: { cookie: '' } }),
  route('slow', 'a.com/slow/', 'slow.shop.service/', { timeouts: { responseMs: 200, idleMs: 0 } }),
  route('raw', 'a.com/raw/', 'raw.shop.service/'),
  route('crash', 'a.com/crash/', 'crash.shop.service/', { retries: 2 }),
  route('loop', 'loop.com/', 'loop.shop.service/'),
  route('weighted', 'a.com/weighted/', 'web.shop.service/', {
    weights: [
      { release: 'v1', weight: 95 },
      { release: 'v2', weight: 5 },
    ],
  }),
];

describe('a router', () => {
  const harness = new RouterHarness(table, { times: { requestMs: 500, connectMs: 300 } });
  const opened: { close(): void }[] = [];
  let one: Upstream;
  let two: Upstream;

  beforeAll(async () => {
    one = await Upstream.start('one');
    two = await Upstream.start('two');
    opened.push(one, two);
    await harness.start();
    await harness.announce('shop/web.1', one, 'v1');
    await harness.announce('shop/web.2', two, 'v2');
  });

  afterAll(async () => {
    await harness.stop();
    for (const each of opened) each.close();
  });

  const get = (path: string, headers = {}) => harness.get(path, { host: 'a.com', ...headers });

  test('X-Forwarded-* are those of the connection, not what the client says; Host is kept', async () => {
    const { body } = await get('/x', {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.com',
      'x-forwarded-port': '1',
      forwarded: 'for=6.6.6.6',
    });
    const { headers } = JSON.parse(body) as Seen;
    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'a.com',
      host: 'a.com',
    });
    expect(headers.forwarded).toBeUndefined();
    expect(headers['x-forwarded-port']).toBeUndefined();
  });

  test('variables go into header changes', async () => {
    const { headers, url } = JSON.parse((await get('/user/ada?q')).body) as Seen;
    expect(headers['x-user']).toBe('ada!');
    expect(url).toBe('/u/ada?q');
  });

  test('a service of a name that nobody has heard of is 404, and is routed to once it is announced', async () => {
    const before = await harness.get('/x', { host: 'acme.t.com' });
    expect(before).toMatchObject({ status: 404 });
    expect(before.headers['x-gilliam-reason']).toContain('api.user-acme.service');
    const upstream = await Upstream.start('acme');
    opened.push(upstream);
    await harness.announce('user-acme/api.1', upstream);
    const after = await harness.get('/x', { host: 'acme.t.com' });
    expect(JSON.parse(after.body)).toMatchObject({ upstream: 'acme', url: '/acme/x' });
  });

  test('an unknown host is 404 with a reason', async () => {
    const answer = await harness.get('/x', { host: 'nowhere.com' });
    expect(answer).toMatchObject({ status: 404, body: '404: no route for this host\n' });
    expect(answer.headers['x-gilliam-reason']).toBe('no route for this host');
  });

  test('a host is no part of a path, nor the name of a class of hosts', async () => {
    for (const host of [
      ...['a.com/user', '*any', 'a.com/', 'a.com<', 'a.com/user<'],
      ...[',a.com', ',a.com/user<', '-a.com/user', 'a.com,b.com', 'a.com?'],
    ]) {
      const answer = await sendRaw(
        harness.httpPort,
        `GET /ada HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
    }
  });

  test('a service with no instance is 503 with Retry-After', async () => {
    const answer = await harness.get('/', { host: 'loop.com' });
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(answer.body).toBe('503: no instance of loop.shop.service serves\n');
  });

  test('instances that all refuse connections are another 503', async () => {
    const gone = await Upstream.start('gone');
    await harness.announce('shop/slow.1', gone);
    gone.close();
    const answer = await get('/slow/');
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(answer.body).toBe('503: no instance of slow.shop.service could be connected to\n');
    await harness.registry.remove('shop/slow.1');
  });

  test('more requests than the limit are 429', async () => {
    const statuses = [];
    for (let n = 0; n < 5; n++) statuses.push((await get('/limited/')).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect((await get('/limited/')).headers['retry-after']).toBe('60');
  });

  test('a sticky client keeps its instance while that one serves', async () => {
    const first = await get('/sticky/');
    const cookie = first.headers['set-cookie']?.[0]?.split(';')[0] as string;
    const { upstream } = JSON.parse(first.body) as Seen;
    for (let n = 0; n < 6; n++) {
      const next = await get('/sticky/', { cookie });
      expect(JSON.parse(next.body)).toMatchObject({ upstream });
      expect(next.headers['set-cookie']).toBeUndefined();
    }
    const [name, other] =
      upstream === 'one' ? (['shop/web.1', one] as const) : (['shop/web.2', two] as const);
    await harness.registry.remove(name);
    const moved = await get('/sticky/', { cookie });
    expect((JSON.parse(moved.body) as Seen).upstream).not.toBe(upstream);
    expect(moved.headers['set-cookie']).toBeDefined();
    await harness.announce(name, other, upstream === 'one' ? 'v1' : 'v2');
  });

  test('weights are exact in the long run', async () => {
    const before = two.requests;
    for (let n = 0; n < 1_000; n++) await get('/weighted/');
    expect(two.requests - before).toBeGreaterThanOrEqual(45);
    expect(two.requests - before).toBeLessThanOrEqual(55);
  });

  test('HTTP/2 with prior knowledge', async () => {
    const session = connectHttp2(`http://127.0.0.1:${harness.httpPort}`);
    const stream = session.request({ ':path': '/h2', ':authority': 'a.com' });
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    session.close();
    expect(JSON.parse(body)).toMatchObject({ url: '/h2', headers: { host: 'a.com' } });
  });

  test.each([
    [
      'a chunk size that is none',
      'POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n',
    ],
    [
      'two different lengths',
      'POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
    ],
    [
      'a transfer coding that is not chunked',
      'POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    ],
    ['absolute-form with another Host', 'GET http://b.com/ HTTP/1.1\r\nHost: a.com\r\n\r\n'],
    ['64 KiB of headers', `GET / HTTP/1.1\r\nHost: a.com\r\n${`X: ${'y'.repeat(1_000)}\r\n`.repeat(64)}\r\n`],
    ['no path', 'OPTIONS * HTTP/1.1\r\nHost: a.com\r\n\r\n'],
    ['a tunnel', 'CONNECT a.com:80 HTTP/1.1\r\nHost: a.com:80\r\n\r\n'],
    ['absolute-form without a path', 'GET http://a.com HTTP/1.1\r\nHost: a.com\r\n\r\n'],
    ['a path with ..', 'GET /a/../b HTTP/1.1\r\nHost: a.com\r\n\r\n'],
    ['a path with encoded ..', 'GET /a/%2e%2E/b HTTP/1.1\r\nHost: a.com\r\n\r\n'],
    ['a blank before the colon', 'GET / HTTP/1.1\r\nHost: a.com\r\nX : y\r\n\r\n'],
    ['no HTTP at all', '\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n'],
  ])('%s is refused, and reaches nobody', async (_, text) => {
    const before = one.requests + two.requests;
    const answer = await sendRaw(harness.httpPort, text, 300);
    expect(answer).toMatch(/^HTTP\/1\.[01] (400|431)/);
    expect(one.requests + two.requests).toBe(before);
  });

  test.each([
    ['http://a.com/x?y=1', '/x?y=1'],
    ['https://user:word@a.com/x', '/x'],
    ['http:///', '/'],
  ])('an instance is asked for a path, not for %s', async (target, path) => {
    const answer = await sendRaw(harness.httpPort, `GET ${target} HTTP/1.1\r\nHost: a.com\r\n\r\n`, 300);
    expect(answer).toMatch(/^HTTP\/1\.1 200/);
    expect(answer).toContain(`"url":"${path}"`);
  });

  test.each(['h2c', 'H2C'])('an upgrade to %s is not passed on', async (protocol) => {
    const upgrade = `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AAMAAABk\r\n`;
    const answer = await sendRaw(harness.httpPort, `GET / HTTP/1.1\r\nHost: a.com\r\n${upgrade}\r\n`, 300);
    expect(answer).toMatch(/^HTTP\/1\.1 200/);
    expect(answer).not.toContain('"upgrade":');
  });

  test('of Content-Length and Transfer-Encoding only one gets through, and no second request', async () => {
    const before = one.requests + two.requests;
    const answer = await sendRaw(
      harness.httpPort,
      'POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.com\r\n\r\n',
    );
    expect(answer).toContain('connection: close');
    expect(answer).not.toContain('content-length":');
    expect(answer).not.toContain('/smuggled');
    expect(one.requests + two.requests).toBe(before + 1);
  });

  test('a folded header is one line to the upstream', async () => {
    const answer = await sendRaw(
      harness.httpPort,
      'GET / HTTP/1.1\r\nHost: a.com\r\nX-A: one\r\n two\r\n\r\n',
      300,
    );
    if (answer.startsWith('HTTP/1.1 200')) expect(answer).toMatch(/"x-a":"one +two"/);
    else expect(answer).toMatch(/^HTTP\/1\.[01] 400/);
  });

  test('a client that never ends its headers is let go', async () => {
    const answer = await sendRaw(harness.httpPort, 'GET / HTTP/1.1\r\nHost: a.com\r\n', 5_000);
    expect(answer).toMatch(/^HTTP\/1\.[01] 408/);
  });

  test('HTTP/1.1 without a host is 400, and HTTP/1.0 may come without', async () => {
    const without = await sendRaw(harness.httpPort, 'GET / HTTP/1.1\r\n\r\n', 300);
    expect(without).toMatch(/^HTTP\/1\.1 400 [^]*x-gilliam-reason: the request has no Host\r\n/i);
    const old = await sendRaw(harness.httpPort, 'GET / HTTP/1.0\r\n\r\n', 300);
    expect(old).toMatch(/^HTTP\/1\.[01] 404 [^]*no route for this host/);
  });

  test('an upstream that does not answer in time is 504, one that answers no HTTP or nothing is 502', async () => {
    const silent = await tcp(() => {});
    opened.push(silent);
    await harness.registry.put('shop/slow.1', { host: '127.0.0.1', port: portOf(silent) });
    const late = await get('/slow/');
    expect(late).toMatchObject({ status: 504 });
    expect(late.headers['x-gilliam-reason']).toBe(
      'the instance did not answer in time, or the client did not send all of its body',
    );
    const head = 'POST /slow/ HTTP/1.1\r\nHost: a.com\r\nContent-Length: 100\r\n\r\n';
    expect(await sendRaw(harness.httpPort, `${head}half`, 5_000)).toMatch(
      /^HTTP\/1\.1 504 [^]*in time, or the client did not send all of its body\r\n[^]*of its body\n$/,
    );
    const closing = await tcp((socket) => socket.once('data', () => socket.destroy()));
    opened.push(closing);
    await harness.registry.put('shop/raw.1', { host: '127.0.0.1', port: portOf(closing) });
    expect(await get('/raw/')).toMatchObject({ status: 502 });
  });

  test('where retries are asked for, what an instance has not answered goes to another, if it may be repeated', async () => {
    // It takes a request, and dies of it: as one does that crashes.
    const dying = await tcp((socket) => socket.once('data', () => socket.destroy()));
    opened.push(dying);
    await harness.registry.put('shop/crash.1', { host: '127.0.0.1', port: portOf(dying) });
    await harness.announce('shop/crash.2', two);
    const statuses = async (method: string) => {
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => harness.get('/crash/', { host: 'a.com' }, method)),
      );
      return new Set(answers.map(({ status }) => status));
    };
    expect(await statuses('GET')).toEqual(new Set([200]));
    expect(await statuses('DELETE')).toEqual(new Set([200]));
    // Half of them have been at the one that dies; the others show that the service lives.
    expect(await statuses('POST')).toEqual(new Set([200, 502]));
  });

  test('an upstream that closes in the middle of a body ends the answer there', async () => {
    const cut = await tcp((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')),
    );
    opened.push(cut);
    await harness.registry.remove('shop/raw.1');
    await harness.registry.put('shop/raw.1', { host: '127.0.0.1', port: portOf(cut) });
    await expect(get('/raw/')).rejects.toThrow(/aborted|hang up/);
  });

  test('a route that leads back to the router ends', async () => {
    await harness.registry.put('shop/loop.1', { host: '127.0.0.1', port: harness.httpPort });
    const answer = await harness.get('/', { host: 'loop.com' });
    expect(answer).toMatchObject({ status: 508 });
  });

  test('an upload streams, and server-sent events come as they are sent', async () => {
    let received = 0;
    const upstream = createServer((incoming, response) => {
      incoming.on('data', (chunk: Buffer) => (received += chunk.length));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
      incoming.on('end', () => response.end('data: last\n\n'));
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    opened.push(upstream);
    await harness.registry.remove('shop/raw.1');
    await harness.registry.put('shop/raw.1', { host: '127.0.0.1', port: portOf(upstream) });
    const { request } = await import('node:http');
    const sent = request({
      port: harness.httpPort,
      method: 'POST',
      path: '/raw/',
      headers: { host: 'a.com' },
    });
    let events = '';
    const ended = new Promise<void>((resolve, reject) => {
      sent.on('error', reject);
      sent.on('response', (response) => {
        response.on('data', (data) => (events += String(data)));
        response.on('end', resolve);
      });
    });
    sent.write('x');
    await until('the first event has come', () => events.includes('first'));
    const chunk = Buffer.alloc(1024 * 1024);
    for (let n = 0; n < 256; n++) {
      if (!sent.write(chunk)) await new Promise<void>((resolve) => sent.once('drain', () => resolve()));
    }
    sent.end();
    await ended;
    expect(received).toBe(256 * chunk.length + 1);
    expect(events).toContain('last');
  });

  test('invariant 7: a withdrawal is confirmed when what was under way has ended, and not before', async () => {
    let finish: (() => void) | undefined;
    const upstream = createServer((_, response) => {
      // Those that come before the withdrawal is known are nobody's concern.
      if (finish) response.end('at once');
      else finish = () => response.end('done');
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    opened.push(upstream);
    await harness.registry.remove('shop/raw.1');
    await harness.registry.put('shop/raw.1', { host: '127.0.0.1', port: portOf(upstream) });
    const under = get('/raw/');
    await until('the request is under way', async () => {
      const stat = await harness.haproxy.runtime.ask('show stat shop:raw 4 -1');
      return stat.split('\n').some((line) => line.split(',')[4] === '1');
    });
    let confirmed = false;
    const withdrawn = harness.registry.remove('shop/raw.1').then(() => (confirmed = true));
    await until('nothing new is sent', async () => (await get('/raw/')).status === 503);
    // A reload in the middle does not bring it back, and the old worker's requests count.
    harness.routes.set([...table, route('more', 'b.com/', 'web.shop.service/')]);
    await until(
      'the new route is there',
      async () => (await harness.get('/', { host: 'b.com' })).status === 200,
    );
    expect((await get('/raw/')).status).toBe(503);
    expect(confirmed).toBe(false);
    finish?.();
    expect(await under).toMatchObject({ status: 200, body: 'done' });
    await withdrawn;
  });

  test('reloads drop no request', async () => {
    const statuses = new Map<string, number>();
    let stop = false;
    const load = Array.from({ length: 8 }, async () => {
      while (!stop) {
        const status = await get('/x').then(
          (answer) => `${answer.status}${answer.status === 200 ? '' : answer.body}`,
          (error: Error) => error.message,
        );
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    });
    for (let n = 0; n < 4; n++) {
      harness.routes.set([...table, route(`n${n}`, `n${n}.com/`, 'web.shop.service/')]);
      await until(
        'the reload is over',
        async () => (await harness.get('/', { host: `n${n}.com` })).status === 200,
      );
    }
    stop = true;
    await Promise.all(load);
    expect([...statuses.keys()]).toEqual(['200']);
  });
});

test('HAProxy is adopted by the next controller, with the servers that it has', async () => {
  const upstream = await Upstream.start('one');
  const first = new RouterHarness(table);
  await first.start();
  await first.announce('shop/web.1', upstream);
  const pid = first.haproxy.pid();
  const worker = (await first.haproxy.workers()).current;
  // As after kill -9: nobody tells HAProxy anything.
  await first.abandon();
  expect((await ask(first.httpPort, '/x', { host: 'a.com' })).status).toBe(200);
  await first.start();
  expect(first.haproxy.pid()).toBe(pid);
  expect((await first.haproxy.workers()).current).toBe(worker);
  await first.registry.remove('shop/web.1');
  expect((await first.get('/x', { host: 'a.com' })).status).toBe(503);
  await first.stop();
  expect(first.haproxy.pid()).toBeUndefined();
  upstream.close();
});

test('HAProxy that was killed is started again, with what was true', async () => {
  const upstream = await Upstream.start('one');
  const harness = new RouterHarness(table);
  await harness.start();
  await harness.announce('shop/web.1', upstream);
  process.kill(harness.haproxy.pid() as number, 'SIGKILL');
  await until('it serves again', () =>
    harness.get('/x', { host: 'a.com' }).then(
      ({ status }) => status === 200 && harness.haproxy.pid() !== undefined,
      () => false,
    ),
  );
  await harness.stop();
  upstream.close();
});

async function tcp(onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port;
}
