import { SeededRandom } from '../base/random';
import { FakeRegistry } from '../testing/fake-registry';
import { VirtualClock } from '../testing/virtual-clock';
import { Destinations } from './destinations';
import { Dialer, DialError } from './dialer';
import { defaultProxyOptions } from './options';
import { outsideRules } from './outside';
import { Refusal } from './refusal';

const here = { executor: 'one' };
const cache = { host: '192.0.2.1', port: 10_003, ports: { '6379': 10_003 }, address: '172.17.0.5', ...here };
const web = { host: '192.0.2.1', port: 10_001, ports: { '8080': 10_001 }, address: '172.17.0.6', ...here };

/** Formation `shop` with `_cache` and `web`; a caller of shop, one of blog, the machine, and a stranger. */
async function setUp(sharedWith?: string[], imports?: Record<string, string>) {
  const [registry, clock] = [new FakeRegistry(), new VirtualClock()];
  const random = new SeededRandom(1);
  const destinations: Destinations = new Destinations({
    ...{ registry, identities: registry, executor: 'one', clock, random, options: defaultProxyOptions },
    isMachine: (address) => address === '127.0.0.1' || address === '192.0.2.1',
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
    const dialer = new Dialer({
      ...{ clock, resolve: async () => ['172.17.0.5'], resolveMs: 1, connectMs: 1 },
      ...{ isSelf: () => false, isGuarded: guarded },
    });
    for (const host of ['172.17.0.5', 'innocent.example'])
      await expect(dialer.connect({ host, port: 6379, trusted: false })).rejects.toThrow(DialError);
  });
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
