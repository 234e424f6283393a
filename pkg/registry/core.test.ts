import { Cores, keyOf, viewOf } from './core-fixture';
import { defaultLimits, defaultTimes } from './settings';

const web = keyOf(2);
const name = { formation: 'shop', service: 'web' };

describe('one node', () => {
  test('what is announced is there, what is withdrawn is not', () => {
    const node = new Cores(1).at(0);
    expect(node.announce(web, { port: 1 }, 'agent')).toBe(true);
    expect(node.index.lookup(name)).toMatchObject([{ ...web, origin: 'e0', source: 'agent', stale: false }]);
    node.withdraw(web, 'agent', false);
    expect(node.index.lookup(name)).toEqual([]);
    expect(node.index.services('shop')).toEqual(['web']);
  });

  test('renewing what is the same changes nothing', () => {
    const node = new Cores(1).at(0);
    node.announce(web, { port: 1 }, 'agent');
    const [before] = node.index.lookup(name);
    expect(node.announce(web, { port: 1 }, 'agent')).toBe(false);
    expect(node.index.lookup(name)[0]).toBe(before);
  });

  test.each([
    ['external', defaultTimes.livenessMs],
    ['agent', defaultTimes.agentLivenessMs],
  ] as const)('what an %s announces expires when it is not renewed', async (source, livenessMs) => {
    const cores = new Cores(1);
    cores.at(0).announce(web, {}, source);
    await cores.pass(livenessMs - 5_000);
    cores.at(0).announce(web, {}, source);
    await cores.pass(livenessMs - 5_000);
    expect(cores.at(0).index.live).toBe(1);
    await cores.pass(10_000);
    expect(cores.at(0).index.live).toBe(0);
  });

  test('names are remembered for the tombstone time, and then forgotten', async () => {
    const cores = new Cores(1);
    cores.at(0).announce(web, {}, 'agent');
    cores.at(0).withdraw(web, 'agent', false);
    await cores.pass(defaultTimes.tombstoneMs - 5_000);
    expect(cores.at(0).index.formations()).toEqual(['shop']);
    await cores.pass(10_000);
    expect(cores.at(0).index.formations()).toEqual([]);
  });

  test('one that was restarted and has no peers to ask forgets as well, after a time in which all that they knew is over', async () => {
    const cores = new Cores(1);
    const node = cores.lone();
    node.announce(web, {}, 'agent');
    node.withdraw(web, 'agent', false);
    await cores.pass(defaultTimes.tombstoneMs - 5_000);
    expect(node.complete).toBe(false);
    await cores.pass(10_000);
    expect(node.complete).toBe(true);
    expect(node.index.formations()).toEqual([]);
  });

  test('one whose peers do not answer goes on asking', async () => {
    const cores = new Cores(2);
    const node = cores.lone(['e1']);
    await cores.pass(defaultTimes.tombstoneMs + 5_000);
    expect(node.complete).toBe(false);
  });

  test('others neither take over nor withdraw what an agent announces', () => {
    const node = new Cores(1).at(0);
    node.announce(web, {}, 'agent');
    expect(() => node.announce(web, {}, 'external')).toThrow(
      'shop/web.2 is an instance that an executor runs',
    );
    expect(() => node.withdraw(web, 'external', false)).toThrow('shop/web.2 is an instance');
    expect(node.index.live).toBe(1);
  });

  test('a formation has a limit of entries, and makes room again', () => {
    const node = new Cores(1).at(0);
    const keyAt = (number: number) => ({ ...web, instance: String(number) });
    for (let number = 0; number < defaultLimits.entriesPerFormation; number++) {
      node.announce(keyAt(number), {}, 'external');
    }
    expect(() => node.announce(keyAt(100_000), {}, 'external')).toThrow('which is all it takes');
    node.withdraw(keyAt(0), 'external', false);
    expect(node.announce(keyAt(100_000), {}, 'external')).toBe(true);
  });
});

describe('several nodes', () => {
  test('of one key and two origins the later counts, and the earlier origin lets go', async () => {
    const cores = new Cores(3);
    cores.at(0).announce(web, { from: 0 }, 'external');
    await cores.clock.advance(5);
    cores.at(1).announce(web, { from: 1 }, 'external');
    cores.heal();
    for (const node of cores.nodes) {
      expect(node.index.lookup(name)).toMatchObject([{ origin: 'e1', body: { from: 1 } }]);
    }
    expect(cores.at(0).liveOwn).toBe(0);
  });

  test('an agent counts before anybody else, however late', async () => {
    const cores = new Cores(2);
    cores.at(0).announce(web, { from: 'agent' }, 'agent');
    await cores.clock.advance(5);
    cores.at(1).announce(web, { from: 'somebody' }, 'external');
    cores.heal();
    for (const node of cores.nodes) expect(node.index.lookup(name)).toMatchObject([{ source: 'agent' }]);
    expect(cores.at(1).liveOwn).toBe(0);
  });

  test("an agent's withdrawal does not take away what another executor announces under the name", async () => {
    const cores = new Cores(2);
    cores.at(0).announce(web, { from: 0 }, 'agent');
    cores.at(1).announce(web, { from: 1 }, 'agent');
    await cores.clock.advance(5);
    cores.at(0).withdraw(web, 'agent', false);
    cores.heal();
    for (const node of cores.nodes) expect(node.index.lookup(name)).toMatchObject([{ origin: 'e1' }]);
  });

  test('somebody withdraws at another node than where he announced', async () => {
    const cores = new Cores(2);
    cores.at(0).announce(web, {}, 'external');
    cores.heal();
    cores.at(1).withdraw(web, 'external', false);
    cores.heal();
    for (const node of cores.nodes) expect(node.index.lookup(name)).toEqual([]);
    await cores.pass(defaultTimes.tombstoneMs + 5_000);
    cores.heal();
    for (const node of cores.nodes) expect(node.index.lookup(name)).toEqual([]);
  });

  test('entries of a silent origin are stale, and used only where there are no others', async () => {
    const cores = new Cores(3);
    cores.at(0).announce(web, {}, 'agent');
    cores.heal();
    await cores.pass(defaultTimes.nodeLivenessMs + 2_000);
    cores.level(cores.at(1), cores.at(2));
    expect(cores.at(1).index.lookup(name)).toMatchObject([{ origin: 'e0', stale: true }]);
    cores.at(2).announce(keyOf(4), {}, 'agent');
    cores.level(cores.at(1), cores.at(2));
    expect(cores.at(1).index.lookup(name)).toMatchObject([{ origin: 'e2', stale: false }]);
    cores.heal();
    expect(cores.at(1).index.lookup(name)).toHaveLength(2);
  });

  test('a node that is no peer any more takes its entries with it, and is not listened to', () => {
    const cores = new Cores(2);
    cores.at(0).announce(web, {}, 'agent');
    cores.heal();
    cores.at(1).setMembers([]);
    expect(cores.at(1).index.live).toBe(0);
    cores.heal();
    expect(cores.at(1).index.live).toBe(0);
  });

  test('a node that was restarted without anything takes from its peers what it has said', async () => {
    const cores = new Cores(3);
    for (let number = 0; number < 5; number++) cores.at(0).announce(keyOf(number), { number }, 'agent');
    cores.heal();
    const before = viewOf(cores.at(1));
    await cores.clock.advance(1_000);
    const restarted = cores.restart(0);
    expect(viewOf(restarted)).toEqual(before);
    expect(restarted.liveOwn).toBe(5);
    cores.heal();
    for (const node of cores.nodes) expect(viewOf(node)).toEqual(before);
  });

  test('what a restarted node has said since counts, though its peers remember a later word of it', async () => {
    const cores = new Cores(2);
    await cores.clock.advance(60_000);
    cores.at(0).announce(web, { port: 1 }, 'agent');
    cores.heal();
    // With nothing, and with a clock that is behind what it was.
    cores.aheadMs[0] = -30_000;
    const restarted = cores.lone(['e1']);
    restarted.announce(web, { port: 2 }, 'agent');
    cores.level(restarted, cores.at(1));
    restarted.finishRecovery();
    cores.heal();
    for (const node of cores.nodes) {
      expect(node.index.lookup(name)).toMatchObject([{ origin: 'e0', body: { port: 2 } }]);
    }
  });

  test('what a restarted node does not know of itself goes everywhere', async () => {
    const cores = new Cores(3);
    cores.at(0).announce(web, {}, 'agent');
    cores.heal();
    await cores.clock.advance(1_000);
    // It reaches nobody, and its agent announces something else.
    cores.restart(0, undefined, []);
    cores.at(0).announce(keyOf(4), {}, 'agent');
    cores.heal();
    for (const node of cores.nodes) expect(Object.keys(viewOf(node))).toEqual(['shop/web.4']);
  });

  describe('a restart', () => {
    const after = async (source: 'agent' | 'external', ageMs: number, awayMs: number) => {
      const cores = new Cores(1);
      cores.at(0).announce(web, {}, source);
      await cores.pass(ageMs);
      const saved = cores.at(0).save();
      await cores.clock.advance(awayMs);
      cores.restart(0, saved, [], awayMs);
      return cores;
    };

    test.each([
      ['external', defaultTimes.livenessMs, 10_000, 2_000],
      ['agent', defaultTimes.agentLivenessMs, 60_000, 10_000],
    ] as const)('does not renew what an %s announces', async (source, livenessMs, ageMs, awayMs) => {
      const cores = await after(source, ageMs, awayMs);
      await cores.pass(livenessMs - ageMs - awayMs - 2_000);
      expect(cores.at(0).index.live).toBe(1);
      await cores.pass(4_000);
      expect(cores.at(0).index.live).toBe(0);
    });

    test('leaves time to renew what would be over at once, or was over meanwhile', async () => {
      const { livenessMs } = defaultTimes;
      for (const awayMs of [2_000, 2 * livenessMs]) {
        const cores = await after('external', livenessMs - 1_000, awayMs);
        await cores.pass(livenessMs / 3 - 2_000);
        expect(cores.at(0).index.live).toBe(1);
        await cores.pass(4_000);
        expect(cores.at(0).index.live).toBe(0);
      }
    });
  });

  test('what is known already costs nothing to compare', () => {
    const cores = new Cores(2);
    for (let number = 0; number < 50; number++) cores.at(0).announce(keyOf(number), {}, 'agent');
    cores.heal();
    cores.at(0).announce(keyOf(50), {}, 'agent');
    const { deltas } = cores.at(0).compare(cores.at(1).digests());
    expect(deltas.flatMap(({ items }) => items.map(({ path }) => path))).toEqual(['shop/web.50']);
  });

  test('what a delta leaves out before it is asked for', () => {
    const cores = new Cores(2);
    cores.at(0).announce(keyOf(1), {}, 'agent');
    const after = cores.at(0).ownNewest;
    cores.at(0).announce(keyOf(2), {}, 'agent');
    expect(cores.at(1).receive([cores.at(0).ownDelta(after)])).toBe(true);
    expect(Object.keys(viewOf(cores.at(1)))).toEqual(['shop/web.2']);
    cores.level(cores.at(1), cores.at(0));
    expect(Object.keys(viewOf(cores.at(1)))).toEqual(['shop/web.2', 'shop/worker.1']);
  });
});
