import fc from 'fast-check';
import { ScalingRule, type ScalingTarget } from '../gen/gilliam/v1/formation';
import { decide, defaultPace, type Memory, noMemory, type Observation } from './decide';
import type { Load } from './need';

const rule = (over: { min?: number; max?: number; target?: Partial<ScalingTarget> }) =>
  ScalingRule.fromPartial({ min: 1, max: 10, ...over });
const load = (over: Partial<Load> = {}): Load => ({
  ...{ instances: 2, cpuMillis: 0, memoryBytes: 0, memoryLimitBytes: 0, requests: 0 },
  ...{ connections: 0, measuredMs: 30_000 },
  ...over,
});
const seen = (over: Partial<Observation> = {}): Observation => ({
  rule: rule({ target: { requestsPerSecond: 10 } }),
  factor: 2,
  load: load(),
  capacity: { cpuMillis: 0, memoryBytes: 0 },
  ...{ waiting: 0, rollout: false, nowMs: 1_000_000 },
  ...over,
});
/** Long looked at, and never more wanted than that. */
const long = (instances: number): Memory => ({
  wanted: [{ atMs: 999_000, instances }],
  sinceMs: 0,
});

describe('what each target asks for', () => {
  it.each<[string, Partial<Observation>, number]>([
    [
      'cpu of a whole processor',
      { rule: rule({ target: { cpuPercent: 50 } }), load: load({ cpuMillis: 1_900 }) },
      4,
    ],
    [
      'cpu of what the process may use',
      {
        rule: rule({ target: { cpuPercent: 50 } }),
        load: load({ cpuMillis: 240 }),
        capacity: { cpuMillis: 100, memoryBytes: 0 },
      },
      5,
    ],
    [
      'memory of what the process may use',
      {
        rule: rule({ target: { memoryPercent: 80 } }),
        load: load({ memoryBytes: 2_000 }),
        capacity: { cpuMillis: 0, memoryBytes: 1_000 },
      },
      3,
    ],
    [
      'memory of what is measured',
      {
        rule: rule({ target: { memoryPercent: 80 } }),
        load: load({ memoryBytes: 2_000, memoryLimitBytes: 2_000 }),
      },
      3,
    ],
    ['requests a second', { load: load({ requests: 1_500 }) }, 5],
    [
      'the time of answers',
      { rule: rule({ target: { p95Ms: 100 } }), load: load({ requests: 500, p95Ms: 500 }) },
      4,
    ],
    [
      'a time of answers that may be right: the bucket holds it',
      { rule: rule({ target: { p95Ms: 150 } }), load: load({ requests: 500, p95Ms: 200 }) },
      2,
    ],
    [
      'the most of all targets',
      {
        rule: rule({ target: { cpuPercent: 50, requestsPerSecond: 10 } }),
        load: load({ cpuMillis: 100, requests: 900 }),
      },
      3,
    ],
    ['no more than max', { load: load({ requests: 99_999 }), factor: 8 }, 10],
    [
      'no more than twice as many at a time',
      {
        load: load({ requests: 99_999 }),
        factor: 5,
        rule: rule({ max: 100, target: { requestsPerSecond: 1 } }),
      },
      10,
    ],
    ['nothing within the tolerance', { load: load({ requests: 650 }) }, 2],
  ])('%s', (_what, over, expected) => {
    expect(decide(seen(over), noMemory).factor).toBe(expected);
  });
});

describe('what is left as it is', () => {
  it.each<[string, Partial<Observation>, string]>([
    ['bad input: min above max', { rule: rule({ min: 5, max: 3 }) }, 'min is 5 and max is 3'],
    ['bad input: max of none', { rule: rule({ min: 0, max: 0 }) }, 'cannot be kept'],
    ['during a rollout', { rollout: true, load: load({ requests: 9_999 }) }, 'a rollout is under way'],
    ['scaled to none by hand', { factor: 0 }, 'by hand'],
    ['not measured', { load: undefined }, 'not measured'],
    ['measured for too short', { load: load({ measuredMs: 2_000, requests: 9_999 }) }, 'not measured'],
    [
      'no limit to take a part of',
      { rule: rule({ target: { memoryPercent: 50 } }), load: load({ memoryBytes: 5_000 }) },
      'not measured',
    ],
  ])('%s', (_what, over, why) => {
    const observation = seen(over);
    const decision = decide(observation, long(1));
    expect(decision.factor).toBe(observation.factor);
    expect(decision.why).toContain(why);
  });
});

it.each<[string, Partial<Observation>, number]>([
  ['min without being measured', { rule: rule({ min: 3 }), load: undefined }, 3],
  ['max at once', { rule: rule({ max: 1 }), load: undefined }, 1],
])('keeps %s', (_what, over, expected) => {
  expect(decide(seen(over), noMemory).factor).toBe(expected);
});

describe('to none and back', () => {
  const none = rule({ min: 0, target: { requestsPerSecond: 10 } });
  it('the first held request brings one', () => {
    expect(decide(seen({ rule: none, factor: 0, waiting: 3, load: undefined }), noMemory)).toMatchObject({
      factor: 1,
      why: '3 requests are held',
    });
  });
  it('stays at none while nothing is asked of it', () => {
    expect(decide(seen({ rule: none, factor: 0, load: undefined }), noMemory).factor).toBe(0);
  });
  it('a request now and then, or a connection, is enough for one to stay', () => {
    for (const use of [{ requests: 1 }, { connections: 1 }]) {
      const busy = { rule: none, factor: 1, load: load({ instances: 1, ...use }) };
      expect(decide(seen(busy), long(0)).factor).toBe(1);
    }
  });
  it('goes to none when nothing was asked for the whole window', () => {
    const idle = { rule: none, factor: 1, load: load({ instances: 1 }) };
    expect(decide(seen(idle), long(0)).factor).toBe(0);
    expect(decide(seen(idle), long(1)).factor).toBe(1);
    expect(decide(seen(idle), { wanted: [], sinceMs: 1_000_000 - 60_000 }).factor).toBe(1);
  });
});

/** A service under load, five seconds a step: instances come two steps after they are wished for. */
function simulate(loads: readonly number[], scaling = rule({ max: 20, target: { requestsPerSecond: 10 } })) {
  const factors: number[] = [];
  let [memory, factor]: [Memory, number] = [noMemory, Math.max(1, scaling.min)];
  const recent: number[] = [];
  for (const [step, rate] of loads.entries()) {
    recent.push(factor === 0 ? 0 : rate);
    const window = recent.slice(-6);
    const decision = decide(
      seen({
        rule: scaling,
        factor,
        nowMs: step * 5_000,
        waiting: factor === 0 && rate > 0 ? 1 : 0,
        load: load({
          instances: factors.at(-2) ?? factor,
          requests: window.reduce((sum, one) => sum + one * 5, 0),
          measuredMs: window.length * 5_000,
        }),
      }),
      memory,
    );
    ({ factor, memory } = decision);
    factors.push(factor);
  }
  return factors;
}
const steady = (rate: number, steps: number) => Array.from({ length: steps }, () => rate);
const changesOf = (factors: readonly number[]) =>
  factors.filter((factor, index) => index > 0 && factor !== factors[index - 1]).length;

it('reaches the target, up within a minute, down only after the window, and to none', () => {
  const scaling = rule({ min: 0, max: 20, target: { requestsPerSecond: 10 } });
  const factors = simulate(
    [...steady(120, 24), ...steady(20, 48), ...steady(0, 60), ...steady(20, 24)],
    scaling,
  );
  expect(factors.slice(0, 12).at(-1)).toBe(12);
  const windowSteps = defaultPace.downWindowMs / 5_000;
  expect(Math.min(...factors.slice(24, 24 + windowSteps - 1))).toBe(12);
  expect(factors[71]).toBe(2);
  expect(factors[131]).toBe(0);
  expect(factors[132]).toBe(1);
  expect(factors.at(-1)).toBe(2);
});

it('does not flap: under a load that swings within the window there is no change but upwards', () => {
  const rates = fc.array(fc.integer({ min: 0, max: 180 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(rates, (pattern) => {
      const factors = simulate(
        Array.from({ length: 120 }, (_, step) => pattern[step % pattern.length] as number),
      );
      // The first round has shown the most there is: from the second window on nothing moves any more.
      expect(changesOf(factors.slice(60))).toBe(0);
    }),
  );
});

it('whatever is seen, the factor is within the rule or as it was', () => {
  const observation = fc.record({
    min: fc.nat(30),
    max: fc.nat(30),
    factor: fc.nat(40),
    requests: fc.nat(100_000),
    cpuMillis: fc.nat(100_000),
    p95Ms: fc.option(fc.constantFrom(1, 200, 10_000, 60_000), { nil: undefined }),
    measuredMs: fc.nat(60_000),
    waiting: fc.nat(3),
    rollout: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(observation, { maxLength: 20 }), (observations) => {
      let memory = noMemory;
      for (const [step, { min, max, factor, waiting, rollout, ...rest }] of observations.entries()) {
        const target = { requestsPerSecond: 10, cpuPercent: 60, p95Ms: 100 };
        const decision = decide(
          seen({
            ...{ rule: rule({ min, max, target }), factor, waiting, rollout, nowMs: step * 5_000 },
            load: load({ ...rest, instances: Math.max(1, factor) }),
          }),
          memory,
        );
        ({ memory } = decision);
        if (decision.factor === factor) continue;
        expect(decision.factor).toBeGreaterThanOrEqual(min);
        expect(decision.factor).toBeLessThanOrEqual(max);
        expect(rollout).toBe(false);
      }
    }),
  );
});
