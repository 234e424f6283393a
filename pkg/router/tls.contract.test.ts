import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as requestTls } from 'node:https';
import { type AddressInfo } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { developmentCertificate, type KeyPair } from '../certificates/development-certificate';
import { route, RouterHarness, switchingTo, until, Upstream, type Seen } from './testing';

jest.setTimeout(60_000);

describe('TLS', () => {
  const harness = new RouterHarness();
  const sessions: { close(): void }[] = [];
  let exact: KeyPair;
  let wildcard: KeyPair;
  let upstream: Upstream;

  const table = () => [
    route('exact', 'a.com/', 'web.shop.service/', { tls: exact }),
    route('wildcard', '{acct}.t.com/', 'web.shop.service/', { tls: wildcard }),
    route('plain', 'plain.com/', 'web.shop.service/'),
    route('ws', 'a.com/ws/', 'ws.shop.service/'),
  ];

  beforeAll(async () => {
    [exact, wildcard] = (await Promise.all(
      ['a.com', '*.t.com'].map((name) => developmentCertificate(name, new Date())),
    )) as [KeyPair, KeyPair];
    harness.routes.set(table());
    upstream = await Upstream.start('one');
    await harness.start();
    await harness.announce('shop/web.1', upstream);
  });

  afterAll(async () => {
    for (const session of sessions) session.close();
    await harness.stop();
    upstream.close();
  });

  /** A connection with a checked certificate: nothing but the one given is trusted. */
  async function secure(host: string, trusted: KeyPair, protocols: string[]): Promise<TLSSocket> {
    const socket = connectTls({
      ...{ host: '127.0.0.1', port: harness.httpsPort, servername: host },
      ...{ ca: trusted.certificate, ALPNProtocols: protocols },
    });
    await once(socket, 'secureConnect');
    return socket;
  }

  async function http1(host: string, trusted: KeyPair): Promise<Seen> {
    const socket = await secure(host, trusted, ['http/1.1']);
    expect(socket.alpnProtocol).toBe('http/1.1');
    const sent = requestTls({ createConnection: () => socket, path: '/x', headers: { host } });
    sent.end();
    const [response] = (await once(sent, 'response')) as [AsyncIterable<Buffer>];
    let body = '';
    for await (const chunk of response) body += String(chunk);
    socket.destroy();
    return JSON.parse(body) as Seen;
  }

  async function http2(host: string, trusted: KeyPair) {
    const socket = await secure(host, trusted, ['h2', 'http/1.1']);
    expect(socket.alpnProtocol).toBe('h2');
    const session = connectHttp2(`https://${host}`, { createConnection: () => socket });
    sessions.push(session);
    return session;
  }

  test.each([
    ['a.com', 'its own'],
    ['acme.t.com', 'the wildcard'],
  ])('%s has %s certificate, over HTTP/1.1 and HTTP/2', async (host) => {
    const trusted = host === 'a.com' ? exact : wildcard;
    expect(await http1(host, trusted)).toMatchObject({ headers: { host, 'x-forwarded-proto': 'https' } });
    const session = await http2(host, trusted);
    const bodies = await Promise.all(
      ['/one', '/two'].map(async (path) => {
        const stream = session.request({ ':path': path });
        let body = '';
        for await (const chunk of stream) body += String(chunk);
        return JSON.parse(body) as Seen;
      }),
    );
    expect(bodies).toMatchObject([
      { url: '/one', headers: { host, 'x-forwarded-proto': 'https' } },
      { url: '/two', headers: { host } },
    ]);
  });

  test.each([
    ['a host without a certificate', 'plain.com'],
    ['a host of no route', 'nowhere.com'],
    ['two labels below a wildcard', 'a.b.t.com'],
    ['a client that names no host', ''],
  ])('%s is refused before anything is said', async (_, host) => {
    const socket = connectTls({
      ...{ host: '127.0.0.1', port: harness.httpsPort, servername: host, rejectUnauthorized: false },
    });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.message).toMatch(/alert|disconnected|ECONNRESET/);
  });

  test('a WebSocket within HTTP/2 is one of HTTP/1.1 to the upstream', async () => {
    const server = createServer().on('upgrade', (incoming, socket) => {
      socket.on('error', () => {});
      socket.write(`${switchingTo(incoming)}hello;`);
      socket.on('data', (data) => socket.write(`${incoming.url} ${String(data)};`));
      sessions.push({ close: () => socket.destroy() });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await harness.announce('shop/ws.1', { port: (server.address() as AddressInfo).port });
    const session = await http2('a.com', exact);
    await once(session, 'remoteSettings');
    const stream = session.request({
      ...{ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'https', ':path': '/ws/x' },
      ...{ ':authority': 'a.com', 'sec-websocket-version': '13' },
    });
    let received = '';
    stream.on('data', (data) => (received += String(data)));
    await until('the server speaks first', () => received.includes('hello;'));
    stream.write('ping');
    await until('it answers', () => received === 'hello;/x ping;');
    stream.close();
    server.close();
  });

  test('a new certificate is shown to new connections', async () => {
    const before = exact;
    exact = await developmentCertificate('a.com', new Date());
    harness.routes.set(table());
    await until('the new certificate is shown', () =>
      secure('a.com', exact, ['http/1.1']).then(
        (socket) => (socket.destroy(), true),
        () => false,
      ),
    );
    await expect(secure('a.com', before, ['http/1.1'])).rejects.toThrow(/self-signed|signature/);
  });
});
