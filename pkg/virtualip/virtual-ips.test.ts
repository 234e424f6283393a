import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PreconditionError } from '../base/errors';
import { silentLogger } from '../base/log';
import { FakeRegistry } from '../testing/fake-registry';
import { VirtualClock } from '../testing/virtual-clock';
import type { ConnectionTable } from './connections';
import type { LookupHost } from './host-names';
import type { NftRunner } from './nft';
import { VirtualIps } from './virtual-ips';

/** What a kernel would have of the scripts that it was given: the endpoints by address and port. */
class FakeNft implements NftRunner {
  readonly scripts: string[] = [];
  readonly chains = new Map<string, string>();
  table = false;
  fails: Error | undefined;

  async apply(script: string): Promise<void> {
    if (this.fails) throw this.fails;
    this.scripts.push(script);
    for (const line of script.split('\n')) {
      if (line.startsWith('delete table')) this.chains.clear();
      if (line.startsWith('add table')) this.table = true;
      const [, flushed] = /^flush chain ip \S+ (to_\S+)/.exec(line) ?? [];
      if (flushed) this.chains.delete(flushed);
      const [, chain = '', rule = ''] =
        /^add rule ip \S+ (to_\S+) .*dnat ip to (.*) comment/.exec(line) ?? [];
      if (chain) this.chains.set(chain, rule);
    }
  }

  async hasTable(): Promise<boolean> {
    if (this.fails) throw this.fails;
    return this.table;
  }

  hasRules(): Promise<boolean> {
    return this.hasTable();
  }

  /** What is behind an address: `8080 → 172.17.0.2:8080`. */
  behind(address: string | undefined): Record<string, string> {
    const prefix = `to_${(address ?? 'nothing').replaceAll('.', '_')}_`;
    return Object.fromEntries(
      [...this.chains].flatMap(([chain, rule]) =>
        chain.startsWith(prefix) ? [[chain.slice(prefix.length), rule]] : [],
      ),
    );
  }
}

const web = { service: 'web', formation: 'shop' };

describe('virtual IPs', () => {
  let dir: string;
  let clock: VirtualClock;
  let registry: FakeRegistry;
  let nft: FakeNft;
  let busy: Set<string> | undefined;
  const open: VirtualIps[] = [];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gilliam-'));
    clock = new VirtualClock();
    registry = new FakeRegistry();
    nft = new FakeNft();
    busy = new Set();
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()));
    expect(clock.pending).toBe(0);
    await rm(dir, { recursive: true });
  });

  async function start(range = '198.18.16.0/20', lookup: LookupHost = async () => []): Promise<VirtualIps> {
    const connections: ConnectionTable = {
      open: async () => busy && [...busy].map((target) => ({ virtual: '198.18.16.5', target, count: 1 })),
    };
    const file = join(dir, 'virtual-ips.json');
    const ips = new VirtualIps({
      ...{ registry, executor: 'one', range, table: 'gilliam_test', nft, file, clock, log: silentLogger },
      ...{ connections, lookup, dns: { address: '172.17.0.1', port: 4413 } },
    });
    open.push(ips);
    await ips.start();
    return ips;
  }

  const at = (address: string) => ({
    ...{
      host: '192.0.2.2',
      port: 10_000,
      ports: { '8080': 10_000 },
      executor: 'one',
      address,
      release: 'v1',
    },
  });

  it('are given when first asked for, with their rules in place', async () => {
    const ips = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    expect(nft.chains.size).toBe(0);
    const address = await ips.addressOf(web);
    expect(nft.behind(address)).toEqual({ '80': '172.17.0.2:8080', '8080': '172.17.0.2:8080' });
    expect(ips.nameOf(address as string)).toBe('web.shop.service');
    expect(JSON.parse(await readFile(join(dir, 'virtual-ips.json'), 'utf8'))).toEqual({
      'web.shop.service': address,
    });
  });

  it('of instances and releases hold those only', async () => {
    const ips = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    await registry.put('shop/web.2', { ...at('172.17.0.3'), release: 'v2' });
    const [one, second, both] = await Promise.all([
      ips.addressOf({ ...web, instance: '1' }),
      ips.addressOf({ ...web, release: 'v2' }),
      ips.addressOf(web),
    ]);
    expect(nft.behind(one)['8080']).toBe('172.17.0.2:8080');
    expect(nft.behind(second)['8080']).toBe('172.17.0.3:8080');
    expect(nft.behind(both)['8080']).toContain('numgen inc mod 2');
    expect(new Set([one, second, both]).size).toBe(3);
  });

  it('asked for at once are made at once', async () => {
    const ips = await start();
    for (let n = 0; n < 50; n++) await registry.put(`shop/s${n}.1`, at('172.17.0.2'));
    const before = nft.scripts.length;
    const names = Array.from({ length: 50 }, (_, n) => ({ service: `s${n}`, formation: 'shop' }));
    expect(new Set(await Promise.all(names.map((name) => ips.addressOf(name)))).size).toBe(50);
    expect(nft.scripts.length - before).toBeLessThanOrEqual(2);
  });

  it('are not given to names that nobody knows', async () => {
    const ips = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    expect(await ips.addressOf({ service: 'wbe', formation: 'shop' })).toBeUndefined();
    expect(await ips.addressOf({ ...web, instance: '9' })).toBeUndefined();
    expect(await ips.addressOf({ ...web, release: 'v9' })).toBeUndefined();
  });

  it('stay with a service that has no instance left: connections are refused', async () => {
    const ips = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    const address = await ips.addressOf(web);
    await registry.remove('shop/web.1');
    expect(nft.behind(address)).toEqual({});
    expect(await ips.addressOf(web)).toBe(address);
    await registry.put('shop/web.1', at('172.17.0.9'));
    expect(nft.behind(address)['8080']).toBe('172.17.0.9:8080');
  });

  it('invariant 7: a withdrawal is confirmed once nothing is sent there and what was under way has ended', async () => {
    const ips = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    await registry.put('shop/web.2', at('172.17.0.3'));
    const address = await ips.addressOf(web);
    busy = new Set(['172.17.0.2:8080', '172.17.0.3:8080']);
    let confirmed = false;
    const withdrawal = registry.remove('shop/web.1').then(() => (confirmed = true));
    await clock.advance(1000);
    expect(nft.behind(address)['8080']).toBe('172.17.0.3:8080');
    expect(confirmed).toBe(false);
    busy = new Set(['172.17.0.3:8080']);
    await clock.advance(300);
    expect(confirmed).toBe(true);
    await withdrawal;
  });

  it('wait for connections that do not end so long only', async () => {
    const ips = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    await ips.addressOf(web);
    busy = new Set(['172.17.0.2:8080']);
    let confirmed = false;
    const withdrawal = registry.remove('shop/web.1').then(() => (confirmed = true));
    await clock.advance(9000);
    expect(confirmed).toBe(false);
    await clock.advance(1500);
    expect(confirmed).toBe(true);
    await withdrawal;
  });

  it('wait a fixed time where nobody can say what is connected', async () => {
    const ips = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    await ips.addressOf(web);
    busy = undefined;
    let confirmed = false;
    const withdrawal = registry.remove('shop/web.1').then(() => (confirmed = true));
    await clock.advance(1900);
    expect(confirmed).toBe(false);
    await clock.advance(500);
    expect(confirmed).toBe(true);
    await withdrawal;
  });

  it('do not wait for an endpoint that stays', async () => {
    const ips = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    await ips.addressOf(web);
    busy = new Set(['172.17.0.2:8080']);
    await registry.put('shop/web.1', { ...at('172.17.0.2'), note: 'changed' });
  });

  it('are brought in step as soon as the kernel lets them', async () => {
    const ips = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    const address = await ips.addressOf(web);
    nft.fails = new Error('busy');
    const change = registry.put('shop/web.2', at('172.17.0.3'));
    await clock.advance(3000);
    expect(nft.behind(address)['8080']).toBe('172.17.0.2:8080');
    nft.fails = undefined;
    await clock.advance(5000);
    await change;
    expect(nft.behind(address)['8080']).toContain('172.17.0.3');
    // After a failure, everything.
    expect(nft.scripts.some((script, index) => index > 0 && script.includes('delete table'))).toBe(true);
  });

  it('come back when somebody flushes all rules of the machine', async () => {
    const ips = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    const address = await ips.addressOf(web);
    nft.table = false;
    nft.chains.clear();
    await clock.advance(5500);
    expect(nft.behind(address)['8080']).toBe('172.17.0.2:8080');
  });

  it('invariant 6: a restart leaves the rules as they are until the registry knows better', async () => {
    const first = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    await registry.put('shop/api.1', at('172.17.0.5'));
    const [address, other] = await Promise.all([
      first.addressOf(web),
      first.addressOf({ ...web, service: 'api' }),
    ]);
    await first.close();

    registry = new FakeRegistry();
    const second = await start();
    await clock.advance(20_000);
    expect(nft.behind(address)['8080']).toBe('172.17.0.2:8080');
    expect(await second.addressOf(web)).toBe(address);

    await registry.put('shop/web.1', at('172.17.0.7'));
    expect(nft.behind(address)['8080']).toBe('172.17.0.7:8080');
    expect(nft.behind(other)['8080']).toBe('172.17.0.5:8080');
    await clock.advance(50_000);
    expect(nft.behind(other)).toEqual({});
    expect(nft.behind(address)['8080']).toBe('172.17.0.7:8080');
  });

  it('a restart does not keep what is withdrawn meanwhile', async () => {
    const first = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    const address = await first.addressOf(web);
    await first.close();
    registry = new FakeRegistry();
    await start();
    await Promise.all([registry.put('shop/web.1', at('172.17.0.2')), registry.remove('shop/web.1')]);
    expect(nft.behind(address)).toEqual({});
  });

  it('invariant 7: what was withdrawn unseen is confirmed when the rules of before the restart are gone', async () => {
    const first = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    const address = await first.addressOf(web);
    await first.close();
    registry = new FakeRegistry();
    const second = await start();
    await second.forgotten({ ...web, service: 'api', instance: '1' });
    let confirmed = false;
    const forgotten = second.forgotten({ ...web, instance: '1' }).then(() => (confirmed = true));
    await clock.advance(40_000);
    expect([confirmed, nft.behind(address)['8080']]).toEqual([false, '172.17.0.2:8080']);
    await clock.advance(10_000);
    expect([confirmed, nft.behind(address)]).toEqual([true, {}]);
    await forgotten;
    await second.forgotten({ ...web, instance: '2' });
  });

  it('after the machine’s restart begin anew, with the same addresses', async () => {
    const first = await start();
    await registry.put('shop/web.1', at('172.17.0.2'));
    const address = await first.addressOf(web);
    await first.close();
    nft = new FakeNft();
    registry = new FakeRegistry();
    const second = await start();
    expect(nft.chains.size).toBe(0);
    await registry.put('shop/web.1', at('172.17.0.4'));
    expect(await second.addressOf(web)).toBe(address);
    expect(nft.behind(address)['8080']).toBe('172.17.0.4:8080');
  });

  it('where all are taken, are taken from names that are not announced any more', async () => {
    const ips = await start('198.18.16.0/28');
    for (let n = 0; n < 13; n++) await registry.put(`shop/s${n}.1`, at('172.17.0.2'));
    for (let n = 0; n < 13; n++) await ips.addressOf({ service: `s${n}`, formation: 'shop' });
    await registry.put('shop/web.1', at('172.17.0.3'));
    await expect(ips.addressOf(web)).rejects.toThrow('no virtual IP is left for web.shop.service');
    await registry.remove('shop/s4.1');
    const address = await ips.addressOf(web);
    expect(nft.behind(address)).toEqual({ '80': '172.17.0.3:8080', '8080': '172.17.0.3:8080' });
  });

  it('follow a host name to its new address', async () => {
    let answer = ['203.0.113.1'];
    const ips = await start(undefined, async () => answer);
    await registry.put('shop/web.db', { host: 'db.example.com', port: 5432 }, { source: 'external' });
    const address = await ips.addressOf(web);
    expect(nft.behind(address)['5432']).toBe('203.0.113.1:5432');
    answer = ['203.0.113.2'];
    await clock.advance(40_000);
    expect(nft.behind(address)['5432']).toBe('203.0.113.2:5432');
    answer = [];
    await clock.advance(40_000);
    expect(nft.behind(address)['5432']).toBe('203.0.113.2:5432');
  });

  it('wait a second for a host name, not for ever', async () => {
    const ips = await start(undefined, () => new Promise(() => {}));
    await registry.put('shop/web.db', { host: 'slow.example.com', port: 5432 }, { source: 'external' });
    const asked = ips.addressOf(web);
    await clock.advance(1100);
    expect(nft.behind(await asked)).toEqual({});
  });

  it('are refused at the start where nftables is', async () => {
    nft.fails = new PreconditionError('nft is not there');
    await expect(start()).rejects.toThrow(PreconditionError);
  });
});
