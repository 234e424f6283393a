import { whoAnswers } from './ask';
import { migrate, type LoadResult } from './load';
import { NetworkedShop, routed } from './networked-shop';

interface Resolved {
  readonly endpoints: readonly { readonly instance: string; readonly executor: string }[];
  readonly node: string;
}

const everyWeb = ['web.1', 'web.2', 'web.3', 'web.4'];
/** Requests that somebody of four who are chosen by chance goes without once in ten million times. */
const many = 60;

// Two machines, each with an engine of its own: whatever is asked on one is answered by instances on both.
describe('services on two hosts', () => {
  let shop: NetworkedShop;

  beforeAll(async () => {
    shop = await NetworkedShop.open();
  });
  afterAll(() => shop?.close());

  test('their instances are spread over both', async () => {
    for (const host of shop.hosts.hosts) expect(await host.containers('web')).toHaveLength(2);
  });

  describe.each([1, 2])('a client on host %d', (host) => {
    test.each([
      ['Python', 'through the proxy of its environment', ['python3', 'client.py']],
      ['Node', 'through the proxy of its environment', ['node', 'client.js']],
      ['Python', 'by the virtual IP', ['python3', 'client.py', 'direct']],
      ['Node', 'by the virtual IP', ['node', 'client.js', 'direct']],
    ])(
      'in %s reaches every instance by name, %s',
      async (_language, _way, [program = '', file = '', ...rest]) => {
        const answers = await shop.answers(
          host,
          program,
          file,
          'http://web.shop.service/',
          String(many),
          ...rest,
        );
        expect(Object.keys(answers).sort()).toEqual(everyWeb);
      },
    );

    test('called redis-cli stores and reads by name, at the usual port', async () => {
      const redis = (...args: string[]) =>
        shop.client(host, ['redis-cli', '-h', 'cache.shop.service', ...args]);
      expect(await redis('SET', `of-${host}`, 'kept')).toBe('OK');
      expect(await shop.client(host, ['redis-cli', '-h', 'cache', 'GET', `of-${host}`])).toBe('kept');
    });

    test('speaks any TCP through CONNECT', async () => {
      const said = await shop.client(
        host,
        ['node', 'tunnel.js', 'cache.shop.service:6379'],
        'PING\r\nQUIT\r\n',
      );
      expect(said.split('\r\n')).toEqual(['+PONG', '+OK']);
    });

    test('upgrades its connection through CONNECT, as WebSockets do', async () => {
      const upgrade = 'GET / HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
      const said = await shop.client(host, ['node', 'tunnel.js', 'web:80'], `${upgrade}hello`);
      expect(said).toMatch(/^HTTP\/1\.1 101 [^]*\r\n\r\nhello$/);
    });

    test('finds names by each resolver there is', async () => {
      const python =
        'import socket, sys; print(socket.getaddrinfo(sys.argv[1], 80, type=socket.SOCK_STREAM)[0][4][0])';
      const node = 'require("dns").promises.resolve4(process.argv[1]).then(([a]) => console.log(a))';
      const ask = async (name: string) => [
        (await shop.client(host, ['getent', 'ahostsv4', name])).split(/\s/)[0],
        await shop.client(host, ['python3', '-c', python, name]),
        await shop.client(host, ['node', '-e', node, name]),
      ];
      const found = await ask('web.shop.service');
      expect(found[0]).toMatch(/^198\.1[89]\./);
      expect(new Set(found).size).toBe(1);
      expect((await shop.client(host, ['getent', 'ahostsv4', 'web'])).split(/\s/)[0]).toBe(found[0]);
      await expect(shop.client(host, ['getent', 'hosts', 'nobody.shop.service'])).rejects.toThrow();
    });

    test('reaches one instance, or those of one release, by their names', async () => {
      const one = await shop.answers(
        host,
        'python3',
        'client.py',
        'http://3.web.shop.service/',
        '5',
        'direct',
      );
      expect(Object.keys(one)).toEqual(['web.3']);
      const proxied = await shop.answers(host, 'python3', 'client.py', 'http://3.web/', '5');
      expect(Object.keys(proxied)).toEqual(['web.3']);
      const url = `http://${shop.release}.web.shop.service/`;
      expect(Object.keys(await shop.answers(host, 'python3', 'client.py', url, String(many))).sort()).toEqual(
        everyWeb,
      );
    });

    test('asks for SRV records, and finds every instance', async () => {
      const program =
        'require("dns").promises.resolveSrv("web.shop.service").then((a) => console.log(JSON.stringify(a)))';
      const records = JSON.parse(await shop.client(host, ['node', '-e', program])) as { name: string }[];
      expect(records).toHaveLength(4);
    });

    test('is told by the proxy which names there are', async () => {
      const answer = await shop.client(host, [...['python3', '-c', nearest, 'http://wbe.shop.service/']]);
      expect(answer).toMatch(/^404 .*web\.shop\.service/);
    });

    test('and its router leads to every instance', async () => {
      const answers = await whoAnswers(shop.router(host), { host: routed }, many);
      expect(Object.keys(answers).sort()).toEqual(everyWeb);
    });

    test('and its registry node resolves for the command line', async () => {
      const args = ['resolve', 'web.shop.service', '--executor', `host-${host}`];
      const { node, endpoints } = await shop.hosts.json<Resolved>(args, { cwd: shop.cwd });
      expect(node).toBe(`host-${host}`);
      expect(endpoints.map(({ executor }) => executor).sort()).toEqual([
        'host-1',
        'host-1',
        'host-2',
        'host-2',
      ]);
    });
  });

  test('invariant 7: migrations under load on router, proxy and virtual IP fail no request', async () => {
    const { hosts, cwd, release: from } = shop;
    const to = (await hosts.lines(['config', 'STEP=next'], { cwd })).at(-1)?.split(' ')[0] ?? '';
    const url = 'http://web.shop.service/';
    const loads = {
      router: shop.loadRouter(1),
      'router of the other host': shop.loadRouter(2),
      proxy: await shop.loadFrom(1, { url, proxied: true }),
      'virtual IP': await shop.loadFrom(2, { url }),
      'virtual IP, a connection a request': await shop.loadFrom(1, { url, perConnection: 1 }),
    };
    for (let round = 0; round < 2; round++) {
      await migrate(hosts, { cwd, process: 'web', from, to, count: 2 });
      await migrate(hosts, { cwd, process: 'web', from: to, to: from, count: 2 });
    }
    const results: Record<string, LoadResult> = {};
    for (const [name, load] of Object.entries(loads)) results[name] = await load.stop();
    for (const [name, { failed, failures, requests, releases }] of Object.entries(results)) {
      expect({ name, failed, failures }).toEqual({ name, failed: 0, failures: [] });
      expect(requests).toBeGreaterThan(200);
      expect(Object.keys(releases).sort()).toEqual([from, to]);
    }
  });
});

const nearest = `
import sys, urllib.request, urllib.error
try:
    urllib.request.urlopen(sys.argv[1], timeout=10)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
`;
