import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SeededRandom } from '../base/random';
import { Newcomers } from '../registry/newcomers';
import { outsideRules } from '../routing/outside';
import { FakeRegistry } from '../testing/fake-registry';
import { answering, ok } from '../testing/proxy-harness';
import { RawConnection, RawServer } from '../testing/raw-connection';
import { VirtualClock } from '../testing/virtual-clock';
import { Destinations } from './destinations';
import { Dialer, DialError } from './dialer';
import { defaultProxyOptions } from './options';
import { Proxy } from './proxy';
import { Refusal } from './refusal';

const here = { executor: 'one' };
const cache = { host: '192.0.2.1', port: 10_003, ports: { '6379': 10_003 }, address: '172.17.0.5', ...here };
const web = { host: '192.0.2.1', port: 10_001, ports: { '8080': 10_001 }, address: '172.17.0.6', ...here };

const virtual: Record<string, string> = {
  '198.18.16.5': '_cache.shop.service',
  '198.18.16.6': 'web.shop.service',
  '198.18.16.7': '1._cache.shop.service',
};

/** Formation `shop` with `_cache` and `web`; a caller of shop, one of blog, the machine, and a stranger. */
async function setUp(sharedWith?: string[], imports?: Record<string, string>) {
  const [registry, clock] = [new FakeRegistry(), new VirtualClock()];
  const random = new SeededRandom(1);
  const destinations: Destinations = new Destinations({
    ...{ registry, identities: registry, executor: 'one', clock, random, options: defaultProxyOptions },
    isMachine: (address) => address === '127.0.0.1' || address === '192.0.2.1',
    nameOf: (address) => virtual[address],
    rules: outsideRules(['*']),
    dialer: new Dialer({ clock, resolve: async () => [], resolveMs: 1, connectMs: 1, isSelf: () => false }),
  });
  await registry.put('shop/_cache.1', sharedWith ? { ...cache, sharedWith } : cache);
  await registry.put('shop/web.1', web);
  registry.setIdentity('172.17.0.9', 'shop/web.1');
  registry.setIdentity('172.17.0.10', 'blog/web.1', { imports });
  registry.follow({ name: 'test', apply: (changes) => destinations.apply(changes) });
  const find = (host: string, caller: string, port = 80) => {
    try {
      const target = { host, port, authority: host, path: '/' };
      return destinations.find(target, caller).upstreams.map(({ address }) => address);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return `${error.status} ${error.message}`;
    }
  };
  return { registry, clock, destinations, find };
}

const [shop, blog, machine, stranger] = ['172.17.0.9', '172.17.0.10', '127.0.0.1', '172.17.0.99'];

describe('auxiliary services', () => {
  it("are reached by their formation's instances and by the machine", async () => {
    const { find } = await setUp();
    for (const [name, caller] of [
      ['_cache', shop],
      ['_cache.shop.service', shop],
      ['_cache.shop.service', machine],
    ] as const)
      expect(find(name, caller)).toEqual(['172.17.0.5:6379']);
  });

  it('are refused to others, who are told how to be let in', async () => {
    const { find } = await setUp();
    expect(find('_cache.shop.service', blog)).toBe(
      "403 _cache.shop.service is shop's own, and you are of blog: gilliam share _cache --with blog --formation shop",
    );
    expect(find('1._cache.shop.service', blog)).toContain('403');
    expect(find('_cache.shop.service', stranger)).toContain(
      "403 _cache.shop.service is for shop's own instances",
    );
    expect(find('web.shop.service', blog)).toEqual(['172.17.0.6:8080']);
  });

  it('are offered to those only who may use them', async () => {
    const { registry, find } = await setUp();
    for (const [caller, offered] of [
      [shop, ': nearest are _cache.shop.service, web.shop.service'],
      [machine, ': nearest are _cache.shop.service, web.shop.service'],
      [blog, ': nearest are web.shop.service'],
      [stranger, ': nearest are web.shop.service'],
    ] as const) {
      expect(find('_cahce.shop.service', caller)).toBe(
        `404 there is no service _cahce.shop.service${offered}`,
      );
    }
    await registry.put('shop/_cache.1', { ...cache, sharedWith: ['blog'] });
    expect(find('_cahce.shop.service', blog)).toMatch(/: nearest are _cache.shop.service, web/);
    expect(find('_cahce.shop.service', stranger)).toMatch(/: nearest are web.shop.service$/);
  });

  it.each([[['blog']], [['*']]])('are reached by those with whom they are shared: %j', async (sharedWith) => {
    const { find } = await setUp(sharedWith);
    expect(find('_cache.shop.service', blog)).toEqual(['172.17.0.5:6379']);
  });

  it('are reached after a share, and not after its end', async () => {
    const { registry, find } = await setUp();
    expect(find('_cache.shop.service', blog)).toContain('403');
    await registry.put('shop/_cache.1', { ...cache, sharedWith: ['blog'] });
    expect(find('_cache.shop.service', blog)).toEqual(['172.17.0.5:6379']);
    await registry.put('shop/_cache.1', { ...cache, sharedWith: [] });
    expect(find('_cache.shop.service', blog)).toContain('403');
  });

  it('are not reached past their names, at whatever address', async () => {
    const { destinations, clock } = await setUp(['*']);
    const guarded = (address: string, port: number) => destinations.isGuarded(address, port);
    expect(guarded('172.17.0.5', 6379)).toBe(true);
    expect(guarded('192.0.2.1', 10_003)).toBe(true);
    expect(guarded('192.0.2.1', 10_001)).toBe(false);
    // What this machine sends to a virtual address is let through by the kernel.
    const ofNames = ['198.18.16.5', '198.18.16.6', '198.18.16.7', '198.18.16.8'];
    expect(ofNames.map((address) => guarded(address, 6379))).toEqual([true, false, true, false]);
    const dialer = new Dialer({
      ...{ clock, resolve: async () => ['172.17.0.5'], resolveMs: 1, connectMs: 1 },
      ...{ isSelf: () => false, isGuarded: guarded },
    });
    for (const host of ['172.17.0.5', 'innocent.example', '::ffff:172.17.0.5', '0:0:0:0:0:FFFF:ac11:5'])
      await expect(dialer.connect({ host, port: 6379, trusted: false })).rejects.toThrow(DialError);
  });
});

it('auxiliary services of a machine that is known by its name are not reached past theirs', async () => {
  const { registry, destinations, clock } = await setUp();
  const two = { executor: 'two', host: 'Two.example', port: 10_007, ports: { '6379': 10_007 } };
  await registry.put('shop/_cache.2', { ...two, address: '172.17.0.5' });
  const dialer = new Dialer({
    ...{ clock, resolveMs: 1, connectMs: 1, isSelf: () => false },
    resolve: async () => ['192.0.2.2'],
    isGuarded: (address, port) => destinations.isGuarded(address, port),
    guardedHosts: (port) => destinations.guardedHosts(port),
  });
  for (const host of ['192.0.2.2', 'two.example', 'alias.example'])
    await expect(dialer.connect({ host, port: 10_007, trusted: false })).rejects.toMatchObject({
      kind: 'forbidden',
    });
  expect(destinations.guardedHosts(10_008)).toEqual([]);
});

describe('a caller of whom nothing is known yet', () => {
  it.each([
    ['_cache', true],
    ['1.web', true],
    ['_cache.shop.service', true],
    ['users.blog.service', true],
    ['web.shop.service', false],
    ['example.com', false],
    ['192.0.2.7', false],
  ])('is waited for where it matters: %s', async (host, matters) => {
    const { destinations } = await setUp();
    const target = { host, port: 80, authority: host, path: '/' };
    expect(destinations.dependsOnStranger(target, stranger)).toBe(matters);
    for (const caller of [shop, machine]) expect(destinations.dependsOnStranger(target, caller)).toBe(false);
  });

  it.each([
    ['GET http://_cache/ HTTP/1.1\r\nHost: _cache\r\n\r\n', 'HTTP/1.1 200 OK'],
    [
      'CONNECT _cache.shop.service:80 HTTP/1.1\r\nHost: _cache.shop.service:80\r\n\r\nGET / HTTP/1.1\r\n\r\n',
      'HTTP/1.1 200 Connection Established',
    ],
  ])('has its request answered once it is known: %j', async (request, answer) => {
    const registry = new FakeRegistry();
    const clock = new SystemClock();
    const newcomers = new Newcomers(registry, clock);
    let isWaitedFor = () => {};
    const waited = new Promise<void>((resolve) => (isWaitedFor = resolve));
    const proxy = new Proxy({
      ...{ registry, identities: registry, executor: 'one', clock, log: silentLogger },
      ...{ random: new SeededRandom(1), isMachine: () => false },
      introduced: (address) => {
        isWaitedFor();
        return newcomers.wait(address);
      },
    });
    const endpoint = await RawServer.start(answering(ok()));
    const [port] = await proxy.listen([{ host: '127.0.0.1', port: 0 }]);
    await registry.put('shop/_cache.1', {
      ...{ host: '127.0.0.1', port: endpoint.port, ports: { '80': endpoint.port } },
    });
    const caller = await RawConnection.open(port as number);
    try {
      caller.send(request);
      await waited;
      registry.setIdentity('127.0.0.1', 'shop/web.1');
      expect(await caller.until('\r\n\r\nok')).toContain(answer);
    } finally {
      caller.destroy();
      await proxy.close();
      await endpoint.close();
    }
  });
});

describe('the resolver', () => {
  it.each(['198.18.16.1:53', '127.0.0.3:4453', 'resolver.example:4453'])(
    'answers by who asks, so nobody gets to %s by way of the proxy, which would be the machine asking',
    async (authority) => {
      const resolver = await RawServer.start(answering(ok()));
      const at = (place: string) => place.replace(':4453', `:${resolver.port}`);
      const registry = new FakeRegistry();
      const proxy = new Proxy({
        ...{ registry, identities: registry, executor: 'one', clock: new SystemClock(), log: silentLogger },
        ...{ random: new SeededRandom(1), isMachine: () => false, resolve: async () => ['127.0.0.3'] },
        isResolver: (address, port) =>
          [at('127.0.0.3:4453'), '198.18.16.1:53'].includes(`${address}:${port}`),
      });
      const [port] = await proxy.listen([{ host: '127.0.0.1', port: 0 }]);
      const caller = await RawConnection.open(port as number);
      try {
        caller.send(`CONNECT ${at(authority)} HTTP/1.1\r\nhost: ${at(authority)}\r\n\r\n`);
        const answer = await caller.until('\r\n\r\n');
        expect(answer).toContain('403');
        expect(answer).toContain('is the resolver, which answers by who asks: ask it without the proxy');
      } finally {
        caller.destroy();
        await proxy.close();
        await resolver.close();
      }
    },
  );
});

describe('imports', () => {
  const imports = { users: 'web.shop', store: '_cache.shop', web: 'web.shop', gone: 'api.shop' };

  it("are the importer's names for others' services, short and in full", async () => {
    const { find } = await setUp(undefined, imports);
    for (const name of ['users', 'users.blog.service', '1.users', '1.users.blog.service'])
      expect(find(name, blog)).toEqual(['172.17.0.6:8080']);
  });

  it('mean nothing to anybody else', async () => {
    const { find } = await setUp(undefined, imports);
    for (const caller of [shop, machine, stranger])
      expect(find('users.blog.service', caller)).toContain('404');
  });

  it('come after own services, and do not stand for a share', async () => {
    const { registry, find } = await setUp(undefined, imports);
    await registry.put('blog/web.1', { ...web, address: '172.17.0.20' });
    expect(find('web', blog)).toEqual(['172.17.0.20:8080']);
    expect(find('store', blog)).toContain('403');
    expect(find('gone', blog)).toContain('404 there is no service gone (api.shop.service)');
  });
});
