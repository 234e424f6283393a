import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../base/clock';
import { Cluster, HeldFollower, makeNode, quickTimes, token, until } from '../testing/registry-nodes';
import { RegistryClient } from './client';

const key = (instance: string) => ({ formation: 'shop', service: 'web', instance });
const name = { formation: 'shop', service: 'web' };

/** A clock that is wrong. */
class SkewedClock extends SystemClock {
  constructor(public skewMs: number) {
    super();
  }

  override now(): number {
    return super.now() + this.skewMs;
  }
}

describe('three nodes', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.start(3);
  });
  afterEach(() => cluster.close());

  const knownAt = (index: number) => cluster.at(index).node.lookup(name).length;

  test('what is announced at one is known at all', async () => {
    cluster.at(0).node.announce(key('1'), { host: '10.0.0.1', port: 1 });
    await until('all know', () => knownAt(1) === 1 && knownAt(2) === 1);
    expect(cluster.at(2).node.lookup(name)).toMatchObject([{ ...key('1'), origin: 'e0', stale: false }]);
    await cluster.at(0).node.withdraw(key('1'));
    await until('all know', () => knownAt(1) === 0 && knownAt(2) === 0);
  });

  test('many changes at once arrive in full', async () => {
    for (let instance = 0; instance < 500; instance++) {
      cluster.at(instance % 3).node.announce(key(String(instance)), { port: 1 });
    }
    await until('all know', () => [0, 1, 2].every((index) => knownAt(index) === 500));
  });

  test('a node that is cut off still answers, its entries elsewhere are stale, and it heals', async () => {
    const [e0, e1, e2] = [cluster.at(0), cluster.at(1), cluster.at(2)];
    e0.node.announce(key('1'), { host: '10.0.0.1', port: 1 });
    e1.node.announce(key('2'), { host: '10.0.0.2', port: 1 });
    await until('all know', () => [0, 1, 2].every((index) => knownAt(index) === 2));
    // Nobody reaches e0, and e0 nobody.
    e0.link.refuse();
    const { peers } = cluster;
    const nowhere = peers.map((peer) => ({ ...peer, address: '127.0.0.1:9' }));
    e0.node.setPeers(nowhere);
    await until('e0 is silent to e1', () => e1.node.lookup({ ...name, instance: '1' })[0]?.stale === true);
    expect(e1.node.lookup(name)).toMatchObject([{ instance: '2', stale: false }]);
    await until('all are silent to e0', () => e0.node.lookup({ ...name, instance: '2' })[0]?.stale === true);
    // Both sides go on.
    e0.node.announce(key('3'), {});
    e1.node.announce(key('4'), {});
    await e1.node.withdraw(key('2'));
    expect(
      e0.node
        .lookup(name)
        .map(({ instance }) => instance)
        .sort(),
    ).toEqual(['1', '3']);
    e0.link.forward();
    e0.node.setPeers(peers);
    const instances = (index: number) =>
      cluster
        .at(index)
        .node.lookup(name)
        .map(({ instance, stale }) => `${instance}${stale ? ' stale' : ''}`)
        .sort()
        .join();
    await until('all agree', () => [0, 1, 2].every((index) => instances(index) === '1,3,4'));
    expect(e2.node.status().entries).toBe(3);
  });

  test('an executor that is lost takes its entries along', async () => {
    cluster.at(0).node.announce(key('1'), {});
    await until('all know', () => knownAt(1) === 1);
    cluster.at(1).node.setPeers(cluster.peers.slice(1));
    expect(knownAt(1)).toBe(0);
  });

  test('invariant 7: a withdrawal is answered when the followers of all nodes have confirmed it', async () => {
    const followers = ['proxy', 'virtual-ip', 'router'].map((one) => new HeldFollower(one));
    followers.forEach((follower, index) => cluster.at(index).node.follow(follower));
    cluster.at(0).node.announce(key('1'), {});
    await until('all know', () => [1, 2].every((index) => knownAt(index) === 1));
    let answered = false;
    const withdrawal = cluster
      .at(0)
      .node.withdraw(key('1'), { waitMs: 5_000 })
      .finally(() => (answered = true));
    await until('all are told', () => followers.every(({ withdrawn }) => withdrawn === 1));
    followers[0]?.release();
    followers[1]?.release();
    // What has been said since then has gone all the way.
    cluster.at(1).node.announce(key('2'), {});
    await until('all know of another', () => [0, 2].every((index) => knownAt(index) === 1));
    expect(answered).toBe(false);
    followers[2]?.release();
    expect(await withdrawal).toEqual({
      acknowledged: ['e0/proxy', 'e1/virtual-ip', 'e2/router'],
      missing: [],
    });
  });

  test('invariant 7: whoever does not confirm in time is named', async () => {
    const [slow, quick] = [new HeldFollower('router'), new HeldFollower('proxy', false)];
    cluster.at(1).node.follow(slow);
    cluster.at(1).node.follow(quick);
    cluster.at(0).node.announce(key('1'), {});
    await until('all know', () => knownAt(1) === 1);
    expect(await cluster.at(0).node.withdraw(key('1'), { waitMs: 2_000 })).toEqual({
      acknowledged: ['e1/proxy'],
      missing: ['e1/router'],
    });
  });

  test('invariant 7: an agent that asks again, after a restart, waits for what is still outstanding', async () => {
    const follower = new HeldFollower('router');
    cluster.at(1).node.follow(follower);
    cluster.at(0).node.announce(key('1'), {});
    await until('all know', () => knownAt(1) === 1);
    const gone = new AbortController();
    const first = cluster.at(0).node.withdraw(key('1'), { waitMs: 10_000 }, gone.signal);
    await until('it is told', () => follower.withdrawn === 1);
    gone.abort();
    await expect(first).rejects.toThrow('has gone');
    expect(await cluster.at(0).node.withdraw(key('1'), { waitMs: 2_000 })).toEqual({
      acknowledged: [],
      missing: ['e1/router'],
    });
    const again = cluster.at(0).node.withdraw(key('1'), { waitMs: 10_000 });
    follower.release();
    expect(await again).toEqual({ acknowledged: ['e1/router'], missing: [] });
  });

  test('invariant 7: what a follower has failed to do is not confirmed by asking again', async () => {
    let broken = true;
    cluster.at(0).node.follow({
      name: 'router',
      apply: async ({ withdrawn }) => {
        if (broken && withdrawn.length > 0) throw new Error('no');
      },
    });
    cluster.at(0).node.announce(key('1'), {});
    const withdraw = () => cluster.at(0).node.withdraw(key('1'), { waitMs: 1_000 });
    for (let round = 0; round < 2; round++) {
      expect(await withdraw()).toEqual({ acknowledged: [], missing: ['e0/router'] });
    }
    broken = false;
    cluster.at(0).node.announce(key('1'), {});
    expect(await withdraw()).toEqual({ acknowledged: ['e0/router'], missing: [] });
    expect(await withdraw()).toEqual({ acknowledged: ['e0/router'], missing: [] });
  });

  test('invariant 7: a node that is down is not waited for longer than it counts as up', async () => {
    cluster.at(0).node.announce(key('1'), {});
    await until('all know', () => knownAt(1) === 1);
    await cluster.at(2).node.close();
    const started = performance.now();
    const { missing } = await cluster.at(0).node.withdraw(key('1'), { waitMs: 10_000 });
    expect(missing).toEqual(['e2/registry']);
    expect(performance.now() - started).toBeLessThan(3_000);
    // From then on it is not even asked.
    cluster.at(0).node.announce(key('2'), {});
    expect(await cluster.at(0).node.withdraw(key('2'), { waitMs: 10_000 })).toEqual({
      acknowledged: [],
      missing: [],
    });
  });

  test('invariant 7: a push that is lost delays a confirmation, no more', async () => {
    const follower = new HeldFollower('router', false);
    cluster.at(1).node.follow(follower);
    cluster.at(0).node.announce(key('1'), {});
    await until('all know', () => knownAt(1) === 1);
    cluster.at(1).link.stall();
    const withdrawal = cluster.at(0).node.withdraw(key('1'), { waitMs: 5_000 });
    await until('it is gone elsewhere', () => knownAt(2) === 0);
    cluster.at(1).link.forward();
    expect(await withdrawal).toEqual({ acknowledged: ['e1/router'], missing: [] });
  });

  test('the agent does all that over HTTP', async () => {
    const client = new RegistryClient({ url: cluster.url(0), token, clock: new SystemClock() });
    cluster.at(1).node.follow(new HeldFollower('router', false));
    expect(await client.announce(key('1'), { host: '10.0.0.1', port: 1, executor: 'e0' })).toEqual({
      expiresMs: 120_000,
    });
    await until('all know', () => knownAt(1) === 1);
    expect(await client.resolve('web.shop.service')).toMatchObject({
      node: 'e0',
      endpoints: [{ instance: '1' }],
    });
    await expect(client.resolve('wbe.shop.service')).rejects.toMatchObject({ nearest: ['web.shop.service'] });
    expect(await client.withdraw(key('1'), { waitMs: 2_000 })).toEqual({
      acknowledged: ['e1/router'],
      missing: [],
    });
    expect((await client.status()).peers.map(({ up }) => up)).toEqual([true, true]);
    expect(await client.environment()).toMatchObject({ registry: 'http://127.0.0.1:1' });
    await client.setInstances({ '172.17.0.5': key('1') });
    expect(cluster.at(0).node.identify('172.17.0.5')).toEqual(key('1'));
    await client.setPeers([]);
    expect(cluster.at(0).node.peers).toEqual([]);
    await client.close();
  });
});

describe('clocks', () => {
  test('a node whose clock is far ahead is refused, and named', async () => {
    const cluster = await Cluster.start(2);
    const wrong = makeNode('wrong', { clock: new SkewedClock(2 * 3_600_000) });
    try {
      const [port = 0] = await wrong.listen([{ host: '127.0.0.1', port: 0 }]);
      wrong.announce(key('9'), {});
      const peers = [...cluster.peers, { name: 'wrong', address: `127.0.0.1:${port}` }];
      for (const { node } of cluster.members) node.setPeers(peers);
      wrong.setPeers(peers);
      const { node } = cluster.at(0);
      await until('it is seen', () => node.status().wrongClocks.includes('wrong'));
      await until('it knows itself', () => wrong.status().wrongClocks.includes('wrong'));
      expect(node.lookup(name)).toEqual([]);
      const seen = node.status().peers.find((peer) => peer.name === 'wrong');
      expect(seen?.error).toContain('the clock of wrong is 7200 s ahead');
      // The others are not troubled.
      node.announce(key('1'), {});
      await until('it is known', () => cluster.at(1).node.lookup(name).length === 1);
    } finally {
      await wrong.close();
      await cluster.close();
    }
  });

  test('a node whose clock was far ahead is believed once it is right, restarted or not', async () => {
    const cluster = await Cluster.start(2);
    const directory = mkdtempSync(join(tmpdir(), 'gilliam-registry-'));
    const clock = new SkewedClock(86_400_000);
    const options = { clock, dataDir: directory };
    let wrong = makeNode('wrong', options);
    try {
      let [port = 0] = await wrong.listen([{ host: '127.0.0.1', port: 0 }]);
      const peers = [...cluster.peers, { name: 'wrong', address: `127.0.0.1:${port}` }];
      for (const { node } of cluster.members) node.setPeers(peers);
      wrong.setPeers(peers);
      wrong.announce(key('9'), { port: 1 });
      const { node } = cluster.at(0);
      await until('it is seen', () => node.status().wrongClocks.includes('wrong'));
      clock.skewMs = 0;
      await until('it is believed', () => node.lookup(name).length === 1);
      expect(node.status().wrongClocks).toEqual([]);
      wrong.announce(key('9'), { port: 2 });
      await until('what it says counts', () => cluster.at(1).node.lookup(name)[0]?.body.port === 2);
      // The same again, and what it has kept is of a time that is not.
      clock.skewMs = 86_400_000;
      wrong.announce(key('9'), { port: 3 });
      await wrong.close();
      clock.skewMs = 0;
      wrong = makeNode('wrong', options);
      [port = 0] = await wrong.listen([{ host: '127.0.0.1', port }]);
      expect(wrong.lookup(name)[0]?.body.port).toBe(3);
      await until('it is believed', () => node.lookup(name)[0]?.body.port === 3);
      wrong.announce(key('9'), { port: 4 });
      await until('what it says counts', () => node.lookup(name)[0]?.body.port === 4);
    } finally {
      await wrong.close();
      await cluster.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('a node whose clock is a little behind wins and loses as if it were right', async () => {
    const ahead = makeNode('ahead', { clock: new SkewedClock(60_000) });
    const right = makeNode('right');
    try {
      const [[a = 0], [b = 0]] = [
        await ahead.listen([{ host: '127.0.0.1', port: 0 }]),
        await right.listen([{ host: '127.0.0.1', port: 0 }]),
      ];
      const peers = [
        { name: 'ahead', address: `127.0.0.1:${a}` },
        { name: 'right', address: `127.0.0.1:${b}` },
      ];
      for (const node of [ahead, right]) node.setPeers(peers);
      ahead.announce(key('1'), { port: 1 }, 'external');
      await until('it is known', () => right.lookup(name).length === 1);
      right.announce(key('1'), { port: 2 }, 'external');
      await until('the later word counts', () => ahead.lookup(name)[0]?.body.port === 2);
    } finally {
      await ahead.close();
      await right.close();
    }
  });
});

describe('restarts', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gilliam-registry-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test('invariant 6: a node that was restarted knows its peers, and refills from them', async () => {
    const cluster = await Cluster.start(2);
    const options = { dataDir: directory };
    let node = makeNode('e2', options);
    try {
      let [port = 0] = await node.listen([{ host: '127.0.0.1', port: 0 }]);
      const peers = [...cluster.peers, { name: 'e2', address: `127.0.0.1:${port}` }];
      node.setPeers(peers);
      for (const member of cluster.members) member.node.setPeers(peers);
      node.announce(key('2'), {});
      cluster.at(0).node.announce(key('0'), {});
      await until(
        'all know',
        () => node.lookup(name).length === 2 && cluster.at(1).node.lookup(name).length === 2,
      );
      await node.close();
      node = makeNode('e2', options);
      // What was announced at it is there at once, with no peer and no agent.
      expect(node.lookup(name)).toMatchObject([{ instance: '2' }]);
      [port = 0] = await node.listen([{ host: '127.0.0.1', port }]);
      await until('it is full again', () => node.lookup(name).length === 2);
      await node.withdraw(key('2'));
      await until('all know', () => cluster.at(1).node.lookup(name).length === 1);
    } finally {
      await node.close();
      await cluster.close();
    }
  });

  test('invariant 7: a node that was restarted waits for peers that it has not heard of yet', async () => {
    const cluster = await Cluster.start(1);
    const options = { dataDir: directory };
    let node = makeNode('e1', options);
    try {
      const [port = 0] = await node.listen([{ host: '127.0.0.1', port: 0 }]);
      const peers = [...cluster.peers, { name: 'e1', address: `127.0.0.1:${port}` }];
      node.setPeers(peers);
      cluster.at(0).node.setPeers(peers);
      const follower = new HeldFollower('router');
      cluster.at(0).node.follow(follower);
      node.announce(key('1'), {});
      await until('it is known', () => cluster.at(0).node.lookup(name).length === 1);
      await node.close();
      node = makeNode('e1', options);
      await node.listen([{ host: '127.0.0.1', port }]);
      const withdrawal = node.withdraw(key('1'), { waitMs: 5_000 });
      await until('the router is told', () => follower.withdrawn === 1);
      follower.release();
      expect(await withdrawal).toEqual({ acknowledged: ['e0/router'], missing: [] });
    } finally {
      await node.close();
      await cluster.close();
    }
  });

  test('invariant 7: rules of the kernel outlive the node, and confirm when their follower is back', async () => {
    const cluster = await Cluster.start(1);
    const options = { dataDir: directory, times: { ...quickTimes, followerGraceMs: 5_000 } };
    let node = makeNode('e1', options);
    try {
      const [port = 0] = await node.listen([{ host: '127.0.0.1', port: 0 }]);
      const peers = [...cluster.peers, { name: 'e1', address: `127.0.0.1:${port}` }];
      node.setPeers(peers);
      cluster.at(0).node.setPeers(peers);
      const following = node.follow(new HeldFollower('virtual-ip', false));
      cluster.at(0).node.announce(key('1'), {});
      await until('it is known', () => node.lookup(name).length === 1);
      following.dispose();
      await node.close();
      node = makeNode('e1', options);
      await node.listen([{ host: '127.0.0.1', port }]);
      await until('it is full again', () => node.lookup(name).length === 1);
      expect(await cluster.at(0).node.withdraw(key('1'), { waitMs: 2_000 })).toEqual({
        acknowledged: [],
        missing: ['e1/virtual-ip'],
      });
      const again = cluster.at(0).node.withdraw(key('1'), { waitMs: 4_000 });
      const back = new HeldFollower('virtual-ip', false);
      node.follow(back);
      expect(await again).toEqual({ acknowledged: ['e1/virtual-ip'], missing: [] });
      expect(back.withdrawn).toBe(1);
    } finally {
      await node.close();
      await cluster.close();
    }
  });

  test('who does not come back after a restart is not waited for longer than the grace', async () => {
    const options = { dataDir: directory };
    let node = makeNode('e0', options);
    node.follow(new HeldFollower('virtual-ip', false));
    await node.close();
    node = makeNode('e0', options);
    try {
      node.announce(key('1'), {});
      const { acknowledged, missing } = await node.withdraw(key('1'), { waitMs: 5_000 });
      expect([acknowledged, missing]).toEqual([[], []]);
      expect(node.status().followers).toEqual([]);
    } finally {
      await node.close();
    }
  });

  test('invariant 6: a node without peers and file refills from its agent', async () => {
    const node = makeNode('e0');
    await node.listen([{ host: '127.0.0.1', port: 0 }]);
    expect(node.lookup(name)).toEqual([]);
    expect(node.announce(key('1'), {})).toBe(true);
    expect(node.lookup(name)).toHaveLength(1);
    await node.close();
  });
});
