import { UnavailableError } from '../../base/errors';
import { SeededRandom } from '../../base/random';
import { scales } from '../../resource/objects';
import { VirtualClock } from '../../testing/virtual-clock';
import { create, Recorder, scale, update } from '../contract/support';
import { FencedError } from '../errors';
import type { Leadership } from '../store';
import { MemoryServer } from './memory-server';
import { MemoryStore } from './memory-store';

describe('MemoryStore in virtual time', () => {
  const key = { formation: 'shop', name: 'v1' };
  const stop = new AbortController();
  let clock: VirtualClock;
  let server: MemoryServer;
  let one: MemoryStore;
  let two: MemoryStore;
  beforeEach(() => {
    clock = new VirtualClock();
    server = new MemoryServer(clock);
    one = new MemoryStore({ clock, random: new SeededRandom(1), server });
    two = new MemoryStore({ clock, random: new SeededRandom(2), server });
  });
  afterEach(async () => {
    await one.close();
    await two.close();
    server.close();
    expect(clock.pending).toBe(0);
  });

  test('a store that is cut off answers nothing, and its watch goes on where it was', async () => {
    const watch = new Recorder(one, { kinds: [scales], after: server.revision });
    await one.commit([create(scales, scale('shop', 'v1'))]);
    await clock.settle();
    one.setReachable(false);
    await expect(one.get(scales, key)).rejects.toThrow(UnavailableError);
    await expect(one.commit([])).rejects.toThrow(UnavailableError);
    await two.commit([create(scales, scale('shop', 'v2'))]);
    await clock.settle();
    expect(watch.log).toEqual(['put shop/v1']);
    one.setReachable(true);
    await clock.settle();
    expect(watch.log).toEqual(['put shop/v1', 'put shop/v2']);
    await watch.stop();
  });

  test('a lease of a store that is cut off is lost at two thirds of its time to live, its objects go at the end', async () => {
    const lease = await one.lease(9000);
    await one.commit([{ op: 'create', kind: scales, object: scale('shop', 'v1'), lease }]);
    await clock.advance(60_000);
    expect(lease.lost.aborted).toBe(false);
    one.setReachable(false);
    // The last renewal was up to a fifth of the time ago.
    await clock.advance(4100);
    expect(lease.lost.aborted).toBe(false);
    await clock.advance(1900);
    expect(lease.lost.aborted).toBe(true);
    expect(await two.get(scales, key)).toBeDefined();
    await clock.advance(3000);
    expect(await two.get(scales, key)).toBeUndefined();
  });

  test('invariant 9: a deposed leader changes nothing, and has stepped down before another leads', async () => {
    const first = await one.campaign('controllers', 'one', 9000, stop.signal);
    let second: Leadership | undefined;
    const campaign = two.campaign('controllers', 'two', 9000, stop.signal).then((won) => (second = won));
    await clock.advance(30_000);
    one.setReachable(false);
    const cutAt = clock.monotonic();
    let lostAt = Infinity;
    first.lost.addEventListener('abort', () => (lostAt = clock.monotonic()));
    while (!second) await clock.advance(100);
    expect(lostAt).toBeLessThanOrEqual(cutAt + 6000);
    expect(lostAt).toBeLessThan(clock.monotonic() - 1000);
    one.setReachable(true);
    const write = [create(scales, scale('shop', 'v1'))];
    await expect(one.commit(write, [{ guard: 'leadership', leadership: first }])).rejects.toThrow(
      FencedError,
    );
    expect(await two.get(scales, key)).toBeUndefined();
    await two.commit(write, [{ guard: 'leadership', leadership: await campaign }]);
  });

  test('a candidate waits through an outage', async () => {
    one.setReachable(false);
    const campaign = one.campaign('controllers', 'one', 9000, stop.signal);
    await clock.advance(60_000);
    one.setReachable(true);
    expect((await campaign).identity).toBe('one');
  });

  test('what it gives cannot be changed, and is decoded once', async () => {
    const revision = await one.commit([create(scales, scale('shop', 'v1', 1))]);
    const read = await one.get(scales, key);
    expect(() => {
      if (read) read.spec.factors['web'] = 7;
    }).toThrow(TypeError);
    expect(await one.get(scales, key)).toBe(read);
    await one.commit([update(scales, scale('shop', 'v1', 2), revision)]);
    expect(read?.spec.factors['web']).toBe(1);
  });
});
