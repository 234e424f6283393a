import { answering, eventually, get, ok, ProxyHarness, request } from '../testing/proxy-harness';
import type { RawConnection } from '../testing/raw-connection';

let harness: ProxyHarness;

beforeEach(async () => {
  harness = await ProxyHarness.start();
});
afterEach(() => harness.end());

async function announce(release: string, onConnection: (connection: RawConnection) => void, service = 'web') {
  const server = await harness.endpoint(`shop/${service}.1`, onConnection);
  const ports = { '80': server.port };
  await harness.registry.put(`shop/${service}.1`, { host: '127.0.0.1', port: server.port, ports, release });
}

const lineOf = (release: string) => harness.traffic.lines().find((line) => line.release === release);

async function ask(text: string): Promise<string> {
  const caller = await harness.caller();
  caller.send(text);
  return caller.message();
}

it('counts requests, errors and durations by release', async () => {
  await announce('v1', answering(ok()));
  for (let round = 0; round < 3; round++) await ask(get());
  await announce('v2', answering('HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n'));
  await ask(get());
  expect(lineOf('v1')).toMatchObject({ formation: 'shop', service: 'web', requests: 3, errors: 0 });
  expect(lineOf('v2')).toMatchObject({ requests: 1, errors: 1 });
  expect(lineOf('v1')?.durations.reduce((sum, count) => sum + count, 0)).toBe(3);
});

it.each([
  ['is not answered', (connection: RawConnection) => connection.socket.destroy()],
  [
    'is answered in half',
    (connection: RawConnection) => {
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf');
      setImmediate(() => connection.socket.destroy());
    },
  ],
  ['is answered in no HTTP', (connection: RawConnection) => connection.send('hello?\r\n\r\n')],
])('counts as an error once, however often it was tried, what %s', async (_what, onConnection) => {
  await announce('v1', onConnection);
  const caller = await harness.caller();
  caller.send(get());
  await eventually('an error is counted', () => lineOf('v1')?.errors === 1);
  expect(lineOf('v1')).toMatchObject({ requests: 1, errors: 1 });
});

it('tells of tunnels as long as they are open, though nothing goes over them', async () => {
  await announce('v1', ({ socket }) => socket.once('end', () => socket.end()));
  const caller = await harness.caller();
  caller.send('CONNECT web.shop.service:80 HTTP/1.1\r\nHost: web.shop.service:80\r\n\r\n');
  expect(await caller.message()).toMatch(/^HTTP\/1.1 200/);
  expect(lineOf('v1')).toMatchObject({ open: 1 });
  caller.socket.destroy();
  await eventually('it has ended', () => lineOf('v1')?.open === undefined);
});

it('counts what does not listen', async () => {
  await announce('v1', () => {});
  await harness.registry.put('shop/web.1', { host: '127.0.0.1', port: 1, ports: { '80': 1 }, release: 'v1' });
  expect(await ask(get())).toMatch(/^HTTP\/1.1 502/);
  expect(lineOf('v1')).toMatchObject({ requests: 1, errors: 1 });
});

it('blames no instance for what the caller does wrong', async () => {
  await announce('v1', () => {});
  const caller = await harness.caller();
  caller.send(request('POST', ['Transfer-Encoding: chunked'], 'no chunk\r\n'));
  expect(await caller.message()).toMatch(/^HTTP\/1.1 400/);
  expect(lineOf('v1')?.errors ?? 0).toBe(0);
});

it('does not count what is no service', async () => {
  await ask(get([], 'http://nobody.shop.service/'));
  expect(harness.traffic.lines()).toEqual([]);
});
