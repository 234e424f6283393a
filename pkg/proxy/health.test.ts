import * as fc from 'fast-check';
import { leastOutstanding, type Candidate } from './balance';
import { Counters, latencyBoundsMs } from './counters';
import { Health } from './health';

const options = { ejectAfterFailures: 3, ejectStartMs: 1_000, ejectCapMs: 4_000 };

describe('health', () => {
  it('is lost by failures in a row, and given back by one success', () => {
    const health = new Health(options);
    health.failed(0, false);
    health.failed(0, false);
    health.succeeded();
    health.failed(0, false);
    health.failed(0, false);
    expect(health.ejected(0)).toBe(false);
    health.failed(0, false);
    expect([health.ejected(999), health.ejected(1_000)]).toEqual([true, false]);
    health.succeeded();
    health.failed(1_000, false);
    expect(health.ejected(1_000)).toBe(false);
  });

  it('is lost at once where nobody listens', () => {
    const health = new Health(options);
    health.failed(0, true);
    expect(health.ejected(0)).toBe(true);
  });

  it('is lost for twice as long each time it was not back, up to a bound', () => {
    const health = new Health(options);
    let nowMs = 0;
    const lasted: number[] = [];
    for (let round = 0; round < 4; round++) {
      health.failed(nowMs, round === 0);
      // Those that were under way say nothing new.
      health.failed(nowMs, true);
      const fromMs = nowMs;
      while (health.ejected(nowMs)) nowMs += 500;
      lasted.push(nowMs - fromMs);
    }
    expect(lasted).toEqual([1_000, 2_000, 4_000, 4_000]);
  });
});

describe('the choice', () => {
  const candidate = (outstanding: number, full = false, ejected = false): Candidate => ({
    outstanding,
    full,
    ejected: () => ejected,
  });

  it('is by turns among equals', () => {
    const all = [candidate(1), candidate(1), candidate(1)];
    expect([0, 1, 2, 3].map((turn) => all.indexOf(leastOutstanding(all, turn, 0) as Candidate))).toEqual([
      0, 1, 2, 0,
    ]);
  });

  it('is the one with the fewest under way of those that are well, else of those that are ejected', () => {
    const arbitrary = fc.array(fc.tuple(fc.nat(5), fc.boolean(), fc.boolean(), fc.boolean()), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(arbitrary, fc.nat(100), (shapes, turn) => {
        const all = shapes.map(([outstanding, full, ejected]) => candidate(outstanding, full, ejected));
        const tried = new Set(all.filter((_, index) => shapes[index]?.[3]));
        const usable = all.filter((one) => !one.full && !tried.has(one));
        const well = usable.filter((one) => !one.ejected(0));
        const pool = well.length > 0 ? well : usable;
        const chosen = leastOutstanding(all, turn, 0, tried);
        if (pool.length === 0) expect(chosen).toBeUndefined();
        else {
          expect(pool).toContain(chosen);
          expect(chosen?.outstanding).toBe(Math.min(...pool.map(({ outstanding }) => outstanding)));
        }
      }),
    );
  });
});

it('latencies fall into the bucket whose bound they do not pass', () => {
  const counters = new Counters();
  for (const ms of [0.5, 1, 1.1, 60_000]) counters.took(ms);
  const { count, sumMs, buckets } = counters.latencies();
  expect([count, sumMs]).toEqual([4, 60_002.6]);
  expect(buckets).toHaveLength(latencyBoundsMs.length + 1);
  expect([buckets[0], buckets[1], buckets.at(-1)]).toEqual([2, 1, 1]);
});
