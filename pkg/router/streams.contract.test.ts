import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import type { EntryPath } from '../testing/fake-registry';
import { route, RouterHarness, switchingTo, until } from './testing';

jest.setTimeout(60_000);

const drainMs = 600;
const table = [
  route('ws', 'a.com/ws/', 'ws.shop.service/'),
  route('bulk', 'a.com/bulk/', 'bulk.shop.service/'),
  route('stuck', 'a.com/stuck/', 'stuck.shop.service/'),
];

describe('what lasts', () => {
  const harness = new RouterHarness(table, { drainMs });
  const servers: Server[] = [];
  const sockets = new Set<Socket>();

  beforeAll(() => harness.start());

  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
    await harness.stop();
  });

  /** An instance of the service, the only one. */
  async function serve(service: string, server: Server): Promise<EntryPath> {
    servers.push(server);
    server.on('connection', (socket: Socket) => {
      socket.on('error', () => {});
      sockets.add(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const name: EntryPath = `shop/${service}.1`;
    await harness.announce(name, { port: (server.address() as AddressInfo).port });
    return name;
  }

  function client(text: string): { socket: Socket; received: () => string } {
    const socket = connect(harness.httpPort, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => {});
    let received = '';
    socket.on('data', (data) => (received += data.toString('latin1')));
    socket.write(text);
    return { socket, received: () => received };
  }

  const upgrade =
    'GET /ws/room HTTP/1.1\r\nHost: a.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

  test('a WebSocket speaks both ways, survives a reload, and holds a drain up only to its bound', async () => {
    const upgrading = createServer().on('upgrade', (incoming, socket) => {
      socket.write(`${switchingTo(incoming)}hello;`);
      socket.on('data', (data) => socket.write(`${incoming.url} ${String(data)};`));
    });
    const name = await serve('ws', upgrading);
    const { socket, received } = client(upgrade);
    await until('the server speaks first', () => received().endsWith('\r\n\r\nhello;'));
    expect(received()).toMatch(/^HTTP\/1\.1 101 .*upgrade: websocket/is);
    socket.write('ping');
    await until('it answers', () => received().endsWith('/room ping;'));

    const worker = (await harness.haproxy.workers()).current as number;
    harness.routes.set([...table, route('new', 'new.com/', 'none.shop.service/')]);
    await until(
      'the new route is there',
      async () => (await harness.get('/', { host: 'new.com' })).status === 503,
    );
    // The master answers nobody while it takes up its new self.
    await until('the worker is an old one', () =>
      harness.haproxy.workers().then(
        ({ old }) => old.includes(worker),
        () => false,
      ),
    );
    socket.write('after');
    await until('the old worker goes on', () => received().endsWith('/room after;'));

    const started = performance.now();
    await harness.registry.remove(name);
    const tookMs = performance.now() - started;
    expect(tookMs).toBeGreaterThanOrEqual(drainMs);
    expect(tookMs).toBeLessThan(drainMs + 2_000);
    expect((await harness.get('/ws/room', { host: 'a.com' })).status).toBe(503);
    socket.write('last');
    await until('nobody has cut it', () => received().endsWith('/room last;'));
    // Its instance ends, and so does it.
    upgrading.closeAllConnections();
    for (const each of sockets) if (each !== socket) each.destroy();
    await until('its end comes through', () => socket.closed);
  });

  test('an answer that never ends, and a client that has gone half, hold a drain up only to its bound', async () => {
    const half = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf';
    const name = await serve(
      'stuck',
      createTcpServer({ allowHalfOpen: true }, (socket) => socket.once('data', () => socket.write(half))),
    );
    const asking = 'GET /stuck/ HTTP/1.1\r\nHost: a.com\r\n\r\n';
    const reading = client(asking);
    const leaving = client(asking);
    await until('both have half', () => [reading, leaving].every((one) => one.received().endsWith('half')));
    leaving.socket.end();
    const started = performance.now();
    await harness.registry.remove(name);
    const tookMs = performance.now() - started;
    expect(tookMs).toBeGreaterThanOrEqual(drainMs);
    expect(tookMs).toBeLessThan(drainMs + 2_000);
    expect((await harness.get('/stuck/', { host: 'a.com' })).status).toBe(503);
    expect(reading.socket.closed).toBe(false);
  });

  test('1 GiB goes up and comes down in little memory', async () => {
    const total = 2 ** 30;
    const chunk = Buffer.alloc(2 ** 20, 'x');
    const end = Buffer.alloc(0);
    let uploaded = 0;
    await serve(
      'bulk',
      createServer({ highWaterMark: chunk.length }, (incoming, response) => {
        if (incoming.method === 'GET') {
          response.writeHead(200, { 'content-length': total });
          response.flushHeaders();
          void pump(response.socket as Socket);
          return;
        }
        incoming.on('data', (data: Buffer) => (uploaded += data.length));
        incoming.on('end', () => response.end('all'));
      }),
    );
    async function pump(socket: Socket): Promise<void> {
      for (let sent = 0; sent < total; sent += chunk.length) {
        if (!socket.write(chunk)) await once(socket, 'drain');
      }
    }
    const pid = (await harness.haproxy.workers()).current as number;
    const before = peakKiB(pid);

    const up = client(`PUT /bulk/ HTTP/1.1\r\nHost: a.com\r\nContent-Length: ${total}\r\n\r\n`);
    await pump(up.socket);
    await until('the upload is answered', () => up.received().endsWith('all'));
    expect(uploaded).toBe(total);

    let downloaded = 0;
    let head = end;
    const buffer = Buffer.alloc(chunk.length);
    const down = connect({
      ...{ port: harness.httpPort, host: '127.0.0.1' },
      onread: {
        buffer,
        callback: (length) => {
          downloaded += length;
          if (head === end) head = Buffer.from(buffer.subarray(0, Math.min(length, 1_000)));
          return true;
        },
      },
    });
    sockets.add(down);
    down.write('GET /bulk/ HTTP/1.1\r\nHost: a.com\r\n\r\n');
    await until('all has come', () => downloaded >= total + head.indexOf('\r\n\r\n') + 4, 30_000);
    expect(head.toString()).toMatch(/^HTTP\/1\.1 200 /);
    expect(downloaded).toBe(total + head.indexOf('\r\n\r\n') + 4);

    expect((await harness.haproxy.workers()).current).toBe(pid);
    expect(peakKiB(pid) - before).toBeLessThan(8 * 1024);
  });
});

/** The most memory that a process has had at once. */
function peakKiB(pid: number): number {
  return Number(/^VmHWM:\s+([0-9]+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
