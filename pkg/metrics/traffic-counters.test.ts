import { SystemRandom } from '../base/random';
import { VirtualClock } from '../testing/virtual-clock';
import { TrafficCounters } from './traffic-counters';

const key = { formation: 'shop', service: 'web', release: 'v1' };

function harness(options: { maxLines?: number } = {}) {
  const clock = new VirtualClock();
  return { clock, counters: new TrafficCounters({ clock, random: new SystemRandom(), ...options }) };
}

it('counts by release, and tells what has been used', () => {
  const { counters } = harness();
  const [one, same, other] = [
    counters.of(key),
    counters.of({ ...key }),
    counters.of({ ...key, release: 'v2' }),
  ];
  expect(counters.lines()).toEqual([]);
  one.count(2, 1);
  same.took(3);
  other.hold(4);
  expect(counters.lines()).toMatchObject([
    { ...key, requests: 2, errors: 1, waiting: 0, durations: [0, 0, 1, ...Array<number>(11).fill(0)] },
    { release: 'v2', requests: 0, waiting: 4 },
  ]);
});

it('forgets what is not used, which then begins anew, with another epoch', async () => {
  const { clock, counters } = harness();
  const traffic = counters.of(key);
  traffic.count(5, 0);
  const [{ epoch } = { epoch: '' }] = counters.lines();
  await clock.advance(599_000);
  expect(counters.lines()).toHaveLength(1);
  traffic.count(1, 0);
  expect(counters.lines()).toMatchObject([{ epoch, requests: 6 }]);
  await clock.advance(600_000);
  expect(counters.lines()).toEqual([]);
  traffic.count(1, 0);
  const [anew] = counters.lines();
  expect(anew).toMatchObject({ requests: 1 });
  expect(anew?.epoch).not.toBe(epoch);
});

it('does not forget what waits', async () => {
  const { clock, counters } = harness();
  counters.of(key).hold(1);
  counters.lines();
  await clock.advance(3_600_000);
  expect(counters.lines()).toMatchObject([{ waiting: 1 }]);
});

it('counts connections, and does not forget those that are open', async () => {
  const { clock, counters } = harness();
  const traffic = counters.of(key);
  traffic.connected(3);
  traffic.isOpen(2);
  traffic.connected(1);
  traffic.ended();
  expect(counters.lines()).toMatchObject([{ ...key, requests: 0, connections: 4, open: 1 }]);
  await clock.advance(3_600_000);
  expect(counters.lines()).toHaveLength(1);
  traffic.ended();
  expect(counters.lines()[0]).not.toHaveProperty('open');
  await clock.advance(600_000);
  expect(counters.lines()).toEqual([]);
});

it('is bounded: those used last are told', async () => {
  const { clock, counters } = harness({ maxLines: 2 });
  for (const release of ['v1', 'v2', 'v3']) {
    counters.of({ ...key, release }).count(1, 0);
    counters.lines();
    await clock.advance(1_000);
  }
  expect(counters.lines().map(({ release }) => release)).toEqual(['v2', 'v3']);
});
