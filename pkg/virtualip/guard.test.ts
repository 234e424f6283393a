import { toDisposable } from '../base/disposable';
import { UnavailableError } from '../base/errors';
import { silentLogger } from '../base/log';
import { FakeRegistry } from '../testing/fake-registry';
import { VirtualClock } from '../testing/virtual-clock';
import { Guard } from './guard';
import type { NftRunner } from './nft';

const virtualIps = { addressesOfService: () => [], onAllocated: () => toDisposable(() => {}) };

/** The kernel as far as it is told: the last rules of each family that it has taken. */
class FakeNft implements NftRunner {
  readonly taken = new Map<string, string>();
  /** Families whose lease was renewed, in order. */
  readonly renewed: string[] = [];
  failure: ((script: string) => Error | undefined) | undefined;

  async apply(script: string): Promise<void> {
    const error = this.failure?.(script);
    if (error) throw error;
    const renewed = [...script.matchAll(/^flush set (\w+) /gm)].map(([, family = '']) => family);
    this.renewed.push(...renewed);
    if (renewed.length > 0) return;
    for (const family of ['inet', 'bridge']) {
      const lines = script.split('\n').filter((line) => line.includes(` ${family} `));
      if (lines.length > 0) this.taken.set(family, lines.join('\n'));
    }
  }

  async hasTable(_table: string, family = 'ip'): Promise<boolean> {
    return this.taken.has(family);
  }

  hasRules(table: string, family?: string): Promise<boolean> {
    return this.hasTable(table, family);
  }
}

describe('the guard', () => {
  let clock: VirtualClock;
  let nft: FakeNft;
  let registry: FakeRegistry;
  let guard: Guard;
  let machine: readonly string[];

  const begin = () => {
    const bridge = async () => undefined;
    guard = new Guard({
      ...{ registry, executor: 'here', table: 'gilliam_test', bridge, virtualIps, nft, clock },
      ...{ range: '198.18.16.0/20', daemonPorts: [3128], machineAddresses: () => machine },
      log: silentLogger,
    });
    return guard.start();
  };
  const sit = (link: number) => registry.setIdentity('172.17.0.2', 'shop/web.1', { link });
  const seats = () => nft.taken.get('bridge') ?? '';

  beforeEach(() => {
    clock = new VirtualClock();
    nft = new FakeNft();
    registry = new FakeRegistry();
    machine = ['172.17.0.1'];
  });
  afterEach(() => guard.close());

  test.each([
    ['refuses once', () => new Error('Device or resource busy')],
    ['takes too long once', () => new UnavailableError('nft did not end in time')],
  ])('keeps bridges in step though the kernel %s', async (_how, error) => {
    sit(7);
    await begin();
    expect(seats()).toContain('172.17.0.2 . 7');
    nft.failure = (script) => (script.includes(' bridge ') ? error() : undefined);
    sit(9);
    await clock.advance(1_000);
    nft.failure = undefined;
    await clock.advance(10_000);
    expect(seats()).toContain('172.17.0.2 . 9');
  });

  test('goes on from the rules of a guard before it though the kernel refuses once', async () => {
    sit(7);
    await begin();
    await guard.close();
    sit(9);
    nft.failure = (script) => (script.includes(' bridge ') ? new Error('busy') : undefined);
    const starting = begin().catch(() => {});
    await clock.advance(1_000);
    nft.failure = undefined;
    await starting;
    await clock.advance(10_000);
    expect(seats()).toContain('172.17.0.2 . 9');
  });

  test('keeps strangers from the daemons at an address that the machine has got since', async () => {
    await begin();
    expect(nft.taken.get('bridge')).toContain('machine { 172.17.0.1 }');
    machine = ['172.17.0.1', '192.0.2.7'];
    await clock.advance(10_000);
    expect(nft.taken.get('bridge')).toContain('machine { 172.17.0.1, 192.0.2.7 }');
  });

  test('has the rules renewed five times in the time for which they hold', async () => {
    await begin();
    await clock.advance(10_000);
    nft.renewed.length = 0;
    await clock.advance(300_000);
    expect(nft.renewed).toEqual(Array(5).fill(['inet', 'bridge']).flat());
  });

  test('has those of a guard before it renewed until it is told who is here', async () => {
    sit(7);
    await begin();
    await guard.close();
    registry = new FakeRegistry();
    nft.renewed.length = 0;
    await begin();
    expect(nft.renewed).toEqual(['inet', 'bridge']);
    await clock.advance(120_000);
    expect(nft.renewed).toHaveLength(6);
    expect(seats()).toContain('172.17.0.2 . 7');
  });

  test('makes the tables again where they cannot be renewed', async () => {
    sit(7);
    await begin();
    await clock.advance(10_000);
    nft.taken.set('bridge', 'something else');
    nft.failure = (script) => (script.includes('flush set') ? new Error('no such set') : undefined);
    await clock.advance(70_000);
    expect(seats()).toContain('172.17.0.2 . 7');
  });

  test('does without where the kernel knows no rules for bridges', async () => {
    nft.failure = (script) => (script.includes(' bridge ') ? new Error('not supported') : undefined);
    sit(7);
    await begin();
    expect([...nft.taken.keys()]).toEqual(['inet']);
    registry.setIdentity('172.17.0.3', 'shop/web.2', { link: 8 });
    await clock.advance(10_000);
    expect(nft.taken.get('inet')).toContain('172.17.0.3');
  });
});
