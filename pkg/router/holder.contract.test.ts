import { request } from 'node:http';
import { connect } from 'node:net';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import type { TrafficLine } from '../registry/traffic';
import { ask, route, RouterHarness, sendRaw, switchingTo, until, Upstream } from './testing';
import { TrafficReport } from './traffic-report';

const routes = [
  route('web', 'myapp.com/', 'web.shop.service'),
  route('api', 'myapp.com/api', 'api.shop.service'),
];
const host = { host: 'myapp.com' };

let harness: RouterHarness;
let upstreams: Upstream[];
let told: readonly TrafficLine[];

async function start(options: { holdMs?: number } = {}, held: readonly string[] = ['web.shop']) {
  const traffic = new TrafficReport({
    ...{ clock: new SystemClock(), random: new SystemRandom(), log: silentLogger, everyMs: 200 },
    tell: async (lines) => void (told = lines),
  });
  harness = new RouterHarness(routes, { ...options, traffic });
  harness.routes.set(routes, held);
  await harness.start();
}

beforeEach(() => {
  upstreams = [];
  told = [];
});
afterEach(async () => {
  for (const one of upstreams) one.close();
  await harness.stop();
});

async function upstream(name = 'one'): Promise<Upstream> {
  const started = await Upstream.start(name);
  upstreams.push(started);
  return started;
}

const waiting = () => told.find(({ release }) => release === '')?.waiting ?? 0;

function post(path: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { port: harness.httpPort, host: '127.0.0.1', path, headers: host, method: 'POST', agent: false },
      (response) => {
        let text = '';
        response.on('data', (data) => (text += String(data)));
        response.on('end', () => resolve(text));
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('a service that may be scaled to none', () => {
  it('has its requests held until there is an instance, all of them, and none is lost', async () => {
    await start();
    const answers = Array.from({ length: 50 }, (_, n) => harness.get(`/${n}`, host));
    await until('all are held', () => waiting() === 50);
    await harness.announce('shop/web.1', await upstream());
    for (const [n, answer] of (await Promise.all(answers)).entries()) {
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body)).toMatchObject({ upstream: 'one', url: `/${n}` });
      expect(answer.body).not.toContain('gilliam-hold');
    }
    await until('nothing is held', () => waiting() === 0);
    // From now on HAProxy sends there itself: the release's own counters grow.
    expect((await harness.get('/', host)).status).toBe(200);
    await until('it is counted', () =>
      told.some(({ release, requests }) => release === 'v1' && requests === 1),
    );
  });

  it('gets bodies of any size whole, and is held again once its last instance is gone', async () => {
    await start();
    const server = await upstream();
    const body = 'x'.repeat(3_000_000);
    const first = post('/large', body);
    await until('it is held', () => waiting() === 1);
    await harness.announce('shop/web.1', server);
    expect(JSON.parse(await first)).toMatchObject({
      url: '/large',
      headers: { 'content-length': '3000000' },
    });
    await harness.registry.remove('shop/web.1');
    const second = harness.get('/again', host);
    await until('it is held', () => waiting() === 1);
    await harness.announce('shop/web.2', await upstream('two'), 'v2');
    expect(JSON.parse((await second).body)).toMatchObject({ upstream: 'two' });
  });

  it('forgets clients that have gone', async () => {
    await start();
    const socket = connect(harness.httpPort, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nhost: myapp.com\r\n\r\n');
    await until('it is held', () => waiting() === 1);
    socket.destroy();
    await until('it is not', () => waiting() === 0);
  });

  it('is given up after a while, with a reason', async () => {
    await start({ holdMs: 300 });
    const answer = await harness.get('/', host);
    expect(answer).toMatchObject({
      status: 503,
      body: '503: no instance of web.shop.service has come up within 0.3 s\n',
      headers: { 'retry-after': '1' },
    });
  });

  it('waits for one that is announced before it listens', async () => {
    await start();
    const later = await upstream();
    await harness.registry.put('shop/web.1', { host: '127.0.0.1', port: 1, release: 'v1' });
    const held = harness.get('/', host);
    await harness.announce('shop/web.2', later);
    expect((await held).status).toBe(200);
  });

  it('passes on an upgrade', async () => {
    await start();
    const { createServer } = await import('node:http');
    const server = createServer();
    server.on('upgrade', (incoming, socket) => {
      socket.write(switchingTo(incoming));
      socket.on('data', (data) => socket.write(data));
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const answer = sendRaw(
      harness.httpPort,
      'GET /ws HTTP/1.1\r\nhost: myapp.com\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      3_000,
    );
    await until('it is held', () => waiting() === 1);
    await harness.announce('shop/web.1', { port: (server.address() as { port: number }).port });
    await until('it is passed on', () => waiting() === 0);
    server.close();
    expect(await answer).toMatch(/^HTTP\/1.1 101 /);
  });

  it('has a plain 503 while the router is away', async () => {
    await start();
    const { httpPort, haproxy } = harness;
    const stop = haproxy.stop.bind(haproxy);
    await harness.abandon();
    const answer = await ask(httpPort, '/', host);
    expect(answer.status).toBe(503);
    expect(answer.headers['x-gilliam-reason']).toContain('web.shop.service');
    await stop(500);
  });
});

it('other services say at once that there is none', async () => {
  await start();
  expect(await harness.get('/api', host)).toMatchObject({
    status: 503,
    headers: { 'x-gilliam-reason': 'no instance of api.shop.service serves' },
  });
});

it('a rule that changes is taken up', async () => {
  await start({}, []);
  expect((await harness.get('/', host)).status).toBe(503);
  harness.routes.set(routes, ['web.shop']);
  let held: ReturnType<typeof harness.get> | undefined;
  await until('requests are held', () => {
    held ??= harness.get('/', host).then((answer) => {
      if (answer.status === 503) held = undefined;
      return answer;
    });
    return waiting() === 1;
  });
  await harness.announce('shop/web.1', await upstream());
  expect((await held)?.status).toBe(200);
});

describe('what there is no route for', () => {
  it.each([
    ['myap.com', '/', '404: no route for this host: nearest is myapp.com\n'],
    ['MYAPP.COM.', '/', '503'],
    ['192.0.2.7', '/', '404: no route for this host\n'],
  ])('%s%s', async (name, path, expected) => {
    await start({}, []);
    const answer = await harness.get(path, { host: name });
    expect(answer.body.startsWith(expected)).toBe(true);
  });

  it('names the nearest paths of the host, cannot be made to hold, and has no body for HEAD', async () => {
    harness = new RouterHarness([route('users', 'myapp.com/users', 'web.shop.service')]);
    await harness.start();
    const answer = await harness.get('/user', { ...host, 'x-gilliam-hold': 'web.shop.service' });
    expect(answer).toMatchObject({
      status: 404,
      body: '404: no route for this path of the host: nearest is /users\n',
    });
    expect(answer.headers['x-gilliam-reason']).toBe('no route for this path of the host: nearest is /users');
    expect(await harness.get('/user', host, 'HEAD')).toMatchObject({ status: 404, body: '' });
  });

  it('is the same without names while the router is away, and a flood is answered', async () => {
    await start();
    const flood = await Promise.all(Array.from({ length: 300 }, () => harness.get('/', { host: 'x.org' })));
    expect(new Set(flood.map(({ status }) => status))).toEqual(new Set([404]));
    const { httpPort, haproxy } = harness;
    const stop = haproxy.stop.bind(haproxy);
    await harness.abandon();
    expect(await ask(httpPort, '/', { host: 'myap.com' })).toMatchObject({
      status: 404,
      body: '404: no route for this host\n',
      headers: { 'x-gilliam-reason': 'no route for this host' },
    });
    await stop(500);
  });
});
