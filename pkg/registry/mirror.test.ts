import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import { HeldFollower, makeNode, token, until } from '../testing/registry-nodes';
import { TcpProxy } from '../testing/tcp-proxy';
import { RegistryMirror } from './mirror';
import type { RegistryNode } from './node';
import type { Withdrawal } from './types';

const key = (instance: string) => ({ formation: 'shop', service: 'web', instance });
const name = { formation: 'shop', service: 'web' };

let directory: string;
let node: RegistryNode;
let port: number;
let link: TcpProxy;
let mirror: RegistryMirror;
let running: Promise<void>;
let stop: AbortController;

async function startNode(at = 0): Promise<void> {
  node = makeNode('e1', { dataDir: directory });
  [port = 0] = await node.listen([{ host: '127.0.0.1', port: at }]);
}

function startMirror(): void {
  const url = `http://${link.endpoint}`;
  const common = { clock: new SystemClock(), random: new SystemRandom(), log: silentLogger };
  mirror = new RegistryMirror({ url, token, name: 'router', ...common });
  stop = new AbortController();
  running = mirror.run(stop.signal);
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gilliam-registry-'));
  await startNode();
  link = await TcpProxy.start(port);
  startMirror();
});

afterEach(async () => {
  stop.abort();
  await running;
  await node.close();
  await link.close();
  rmSync(directory, { recursive: true, force: true });
});

const known = () => mirror.lookup(name).length;

/** A withdrawal, and whether it was answered yet. */
function withdraw(
  instance: string,
  waitMs = 4_000,
): { readonly result: Promise<Withdrawal>; answered: boolean } {
  const withdrawal = {
    answered: false,
    result: node.withdraw(key(instance), { waitMs }).finally(() => (withdrawal.answered = true)),
  };
  return withdrawal;
}

describe('a mirror', () => {
  test('knows what its node knows', async () => {
    node.announce(key('1'), { port: 1, release: 'v1' });
    await mirror.whenSynced();
    await until('it knows', () => known() === 1);
    expect(mirror.lookup({ ...name, release: 'v1' })).toMatchObject([{ ...key('1'), source: 'agent' }]);
    expect(mirror.lookup({ ...name, release: 'v2' })).toEqual([]);
    expect(mirror.formations()).toEqual(['shop']);
    await node.withdraw(key('1'));
    await until('it knows', () => known() === 0);
    expect(mirror.services('shop')).toEqual(['web']);
  });

  test('invariant 7: confirms only when its own followers have', async () => {
    const follower = new HeldFollower('haproxy');
    mirror.follow(follower);
    node.announce(key('1'), {});
    await until('it knows', () => known() === 1);
    const withdrawal = withdraw('1');
    await until('it is told', () => follower.withdrawn === 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(withdrawal.answered).toBe(false);
    follower.release();
    expect(await withdrawal.result).toEqual({ acknowledged: ['e1/router'], missing: [] });
  });

  test('keeps its last state while the node is away, and then takes over what has changed', async () => {
    const follower = new HeldFollower('haproxy', false);
    mirror.follow(follower);
    node.announce(key('1'), {});
    node.announce(key('2'), {});
    await until('it knows', () => known() === 2);
    link.refuse();
    await until('it is cut off', () => !mirror.connected);
    expect(known()).toBe(2);
    await node.withdraw(key('1'));
    node.announce(key('3'), {});
    link.forward();
    await until('it knows', () => mirror.connected && mirror.lookup({ ...name, instance: '3' }).length === 1);
    expect(
      mirror
        .lookup(name)
        .map(({ instance }) => instance)
        .sort(),
    ).toEqual(['2', '3']);
    expect(follower.seen.at(-1)).toMatchObject({
      announced: [{ instance: '3' }],
      withdrawn: [{ instance: '1' }],
    });
  });

  test('invariant 7: a withdrawal waits for a mirror that is cut off, and is confirmed when it is back', async () => {
    const follower = new HeldFollower('haproxy');
    mirror.follow(follower);
    node.announce(key('1'), {});
    await until('it knows', () => known() === 1);
    link.refuse();
    await until('it is cut off', () => !mirror.connected);
    const withdrawal = withdraw('1');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(withdrawal.answered).toBe(false);
    link.forward();
    await until('it is told', () => follower.withdrawn === 1);
    expect(withdrawal.answered).toBe(false);
    follower.release();
    expect(await withdrawal.result).toEqual({ acknowledged: ['e1/router'], missing: [] });
  });

  test('invariant 7: a new connection confirms nothing that is still under way from before', async () => {
    const follower = new HeldFollower('haproxy');
    mirror.follow(follower);
    node.announce(key('1'), {});
    await until('it knows', () => known() === 1);
    const withdrawal = withdraw('1');
    await until('it is told', () => follower.withdrawn === 1);
    const before = link.accepted;
    link.cut();
    await until('it is back', () => link.accepted > before && mirror.connected);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(withdrawal.answered).toBe(false);
    follower.release();
    expect(await withdrawal.result).toEqual({ acknowledged: ['e1/router'], missing: [] });
  });

  test('invariant 7: a follower that fails has not confirmed', async () => {
    mirror.follow({
      name: 'haproxy',
      apply: ({ withdrawn }) => (withdrawn.length > 0 ? Promise.reject(new Error('no')) : Promise.resolve()),
    });
    node.announce(key('1'), {});
    await until('it knows', () => known() === 1);
    expect(await withdraw('1', 200).result).toEqual({ acknowledged: [], missing: ['e1/router'] });
  });

  test('a mirror that does not come back is not waited for', async () => {
    node.announce(key('1'), {});
    await until('it knows', () => known() === 1);
    stop.abort();
    const started = performance.now();
    expect(await withdraw('1', 10_000).result).toEqual({ acknowledged: [], missing: [] });
    // The grace of a follower that is being restarted.
    expect(performance.now() - started).toBeGreaterThan(400);
    expect(node.status().followers).toEqual([]);
  });

  test('a mirror that has vanished without a word is away as well, and is not waited for', async () => {
    node.announce(key('1'), {});
    await until('it knows', () => known() === 1);
    link.stall();
    await until('it is away', () => node.status().followers[0]?.connected === false);
    const started = performance.now();
    expect(await withdraw('1', 10_000).result).toEqual({ acknowledged: [], missing: [] });
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  test('a mirror that has nothing to confirm stays connected', async () => {
    await until('it is there', () => mirror.connected);
    // Signs of life that nobody answers would end the connection several times in this time.
    for (let look = 0; look < 100; look++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(node.status().followers).toMatchObject([{ connected: true }]);
    }
  });

  test('invariant 7: a node that was restarted waits for those who followed it before', async () => {
    const follower = new HeldFollower('haproxy');
    mirror.follow(follower);
    node.announce(key('1'), {});
    await until('it knows', () => known() === 1);
    await until('it is written', () => node.status().followers.length === 1);
    link.refuse();
    await node.close();
    await startNode(port);
    expect(node.status().followers).toEqual([{ name: 'router', connected: false, pending: 1 }]);
    const withdrawal = withdraw('1');
    link.forward();
    await until('it is told', () => follower.withdrawn === 1);
    expect(withdrawal.answered).toBe(false);
    follower.release();
    expect(await withdrawal.result).toEqual({ acknowledged: ['e1/router'], missing: [] });
  });
});
