import { SeededRandom } from '../base/random';
import { outsideRules } from '../routing/outside';
import { FakeRegistry } from '../testing/fake-registry';
import { VirtualClock } from '../testing/virtual-clock';
import { Destinations } from './destinations';
import { Dialer } from './dialer';
import { defaultProxyOptions } from './options';
import type { RequestTarget } from './target';

const target = (host: string, port = 80): RequestTarget => ({ host, port, authority: host, path: '/' });

function setUp() {
  const [registry, clock] = [new FakeRegistry(), new VirtualClock()];
  const dialer = new Dialer({
    clock,
    resolve: async () => [],
    resolveMs: 1,
    connectMs: 1,
    isSelf: () => false,
  });
  const destinations = new Destinations({
    registry,
    identities: registry,
    isMachine: () => false,
    executor: 'one',
    rules: outsideRules(['*']),
    clock,
    random: new SeededRandom(1),
    dialer,
    options: defaultProxyOptions,
  });
  const addressesOf = (host: string, port?: number) =>
    destinations.find(target(host, port), '10.0.0.9').upstreams.map(({ address }) => address);
  return { registry, clock, destinations, addressesOf };
}

describe('destinations', () => {
  it('are an instance’s own address where it is on this executor, its host’s elsewhere', async () => {
    const { registry, addressesOf } = setUp();
    const ports = { '8080': 10_000 };
    await registry.put('shop/web.1', {
      host: '192.0.2.1',
      port: 10_000,
      ports,
      executor: 'one',
      address: '172.17.0.5',
    });
    await registry.put('shop/web.2', {
      host: '192.0.2.2',
      port: 10_000,
      ports,
      executor: 'two',
      address: '172.17.0.5',
    });
    expect(addressesOf('web.shop.service')).toEqual(['172.17.0.5:8080', '192.0.2.2:10000']);
  });

  it('spread also where requests are rare', async () => {
    const { registry, clock, destinations } = setUp();
    for (const n of [1, 2, 3]) await registry.put(`shop/web.${n}`, { host: '192.0.2.1', port: n });
    const chosen = new Set<string>();
    for (let round = 0; round < 30; round++) {
      const destination = destinations.find(target('web.shop.service'), '10.0.0.9');
      chosen.add(destinations.choose(destination, undefined).address);
      await clock.advance(2_000);
    }
    expect(chosen.size).toBe(3);
  });

  it('follow what is told at once, and what is not within a second', async () => {
    const { registry, clock, destinations, addressesOf } = setUp();
    registry.follow({ name: 'proxy', apply: (changes) => destinations.apply(changes) });
    await registry.put('shop/web.1', { host: '192.0.2.1', port: 1 });
    await registry.put('shop/web.2', { host: '192.0.2.2', port: 1 });
    expect(addressesOf('web.shop.service')).toHaveLength(2);
    await registry.remove('shop/web.1');
    expect(addressesOf('web.shop.service')).toEqual(['192.0.2.2:1']);
    // Nobody tells that an entry has become stale.
    jest.spyOn(registry, 'lookup').mockReturnValue([]);
    expect(addressesOf('web.shop.service')).toEqual(['192.0.2.2:1']);
    await clock.advance(1_000);
    expect(() => addressesOf('web.shop.service')).toThrow('no instance that is ready');
  });

  it('take a host with a dot for a host, also where it looks like an instance’s short name', async () => {
    const { registry, addressesOf } = setUp();
    registry.setIdentity('10.0.0.9', 'shop/api.1');
    await registry.put('shop/web.1', { host: '192.0.2.1', port: 1 });
    expect(addressesOf('example.com')).toEqual(['example.com:80']);
    expect(addressesOf('1.web')).toEqual(['192.0.2.1:1']);
    expect(addressesOf('example')).toEqual(['example:80']);
  });

  it('are forgotten when they have not been used for long', async () => {
    const { clock, destinations, addressesOf } = setUp();
    addressesOf('example.com');
    destinations.sweep(clock.monotonic());
    expect([...destinations.all()]).toHaveLength(1);
    await clock.advance(3_600_000);
    destinations.sweep(clock.monotonic());
    expect([...destinations.all()]).toHaveLength(0);
  });
});
