import { ask, whoAnswers } from './ask';
import { hostPorts } from './host';
import { NetworkedShop, routed } from './networked-shop';

const url = 'http://web.shop.service/';
const everyWeb = ['web.1', 'web.2', 'web.3', 'web.4'];

// Traffic depends on nothing that is asked while it flows.
describe('two hosts on which things fail', () => {
  let shop: NetworkedShop;

  beforeAll(async () => {
    shop = await NetworkedShop.open();
  });
  afterAll(() => shop?.close());

  const through = {
    proxy: (host: number, times = 20) => shop.answers(host, 'python3', 'client.py', url, String(times)),
    'virtual IP': (host: number, times = 20) =>
      shop.answers(host, 'python3', 'client.py', url, String(times), 'direct'),
    router: (host: number, times = 20) => whoAnswers(shop.router(host), { host: routed }, times),
  };
  const ways = Object.entries(through);
  /** The instances of `web` on a host. */
  const local = async (host: number) => {
    const format = '{{.Label "gilliam.process"}}.{{.Label "gilliam.ordinal"}}';
    const filter = ['--filter', 'label=gilliam.process=web'];
    const names = await shop.hosts.host(host).docker('ps', ...filter, '--format', format);
    return names.trim().split('\n').sort();
  };
  const all = async (instances: readonly string[], hosts: readonly number[] = [1, 2]) => {
    for (const host of hosts) {
      for (const [name, way] of ways) {
        const what = `${name} of host ${host} leads to ${instances.join()}`;
        await shop.hosts.until(what, async () => {
          const answers = Object.keys(await way(host)).sort();
          if (answers.join() === instances.join()) return true;
          throw new Error(`to ${answers.join()}`);
        });
      }
    }
  };

  describe('invariant 6: with etcd and the control plane gone', () => {
    beforeAll(async () => {
      await shop.hosts.killControl();
    });
    afterAll(() => shop.hosts.restartControl());

    test('names, proxies, virtual IPs and routers go on', () => all(everyWeb));

    test('a crashed instance is restarted, and gets requests again', async () => {
      const host = shop.hosts.host(1);
      const [victim] = (await host.containers('web')) as [string];
      await host.docker('kill', '--signal=KILL', victim);
      await shop.hosts.until('it runs again', async () => (await host.containers('web')).includes(victim));
      await all(everyWeb);
    });

    test('a network daemon that was killed takes neither virtual IPs nor the router with it, and comes back full', async () => {
      const host = shop.hosts.host(2);
      await host.killDaemon('network');
      // The address that the resolver gave before: names are asked of the daemon that is gone.
      expect(Object.keys(await through.router(2)).sort()).toEqual(everyWeb);
      host.startDaemon('network');
      await shop.hosts.until('its node knows every instance', async () => {
        const { body } = await ask(
          `http://${host.address}:${hostPorts.registry}/-/resolve?name=web.shop.service`,
        );
        return (JSON.parse(body) as { endpoints: unknown[] }).endpoints.length === 4;
      });
      await all(everyWeb);
    });

    test('a router that was killed leaves HAProxy serving, and takes it over when it is back', async () => {
      const host = shop.hosts.host(1);
      await host.killDaemon('router');
      expect(Object.keys(await through.router(1)).sort()).toEqual(everyWeb);
      host.startDaemon('router');
      const [victim] = (await host.containers('web')) as [string];
      await host.docker('kill', '--signal=KILL', victim);
      await shop.hosts.until('it runs again', async () => (await host.containers('web')).includes(victim));
      await all(everyWeb);
    });
  });

  test('when etcd and the control plane are back, nothing has been restarted, and scales are carried out', async () => {
    const containers = async () =>
      (await Promise.all(shop.hosts.hosts.map((host) => host.containers()))).flat();
    const before = await containers();
    await shop.hosts.until('the executors are back', async () => {
      await shop.hosts.succeed(['scale', shop.release, 'web=4', '--wait'], { cwd: shop.cwd });
      return true;
    });
    expect(await containers()).toEqual(before);
  });

  test('hosts that do not reach each other go on with what they have, and know all again when they do', async () => {
    const names = [await local(1), await local(2)];
    await shop.hosts.network.partition();
    for (const [index, own] of names.entries()) await all(own, [index + 1]);
    await shop.hosts.network.heal();
    await all(everyWeb);
  });

  test('a host whose cable is out serves itself, is replaced by the others, and gives up its instances when it is back', async () => {
    const other = shop.hosts.host(2);
    const own = await local(2);
    expect(own.length).toBeGreaterThan(0);
    await shop.hosts.network.unplug(2);
    await shop.hosts.until(
      'the other host runs all',
      async () => (await local(1)).join() === everyWeb.join(),
    );
    await all(everyWeb, [1]);
    for (const way of ['proxy', 'virtual IP'] as const) {
      expect(Object.keys(await through[way](2)).sort()).toEqual(own);
    }
    await shop.hosts.network.plug(2);
    await shop.hosts.until(
      'its instances are gone',
      async () => (await other.containers('web')).length === 0,
    );
    for (const host of [1, 2])
      await shop.hosts.until('its router is right', async () => {
        return (
          Object.keys(await through.router(host))
            .sort()
            .join() === everyWeb.join()
        );
      });
  });
});
