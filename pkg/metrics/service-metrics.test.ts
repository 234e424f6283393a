import fc from 'fast-check';
import { TrafficUsage_Source } from '../gen/gilliam/v1/usage';
import { bucketOf, durationBoundsMs, emptyBuckets, percentileMs } from './duration-buckets';
import { UsageHistory } from './service-metrics';
import { usageOf } from './testing';

function buckets(...durationsMs: number[]): bigint[] {
  const counts = emptyBuckets();
  for (const duration of durationsMs) counts[bucketOf(duration)]!++;
  return counts.map(BigInt);
}

describe('traffic', () => {
  it('is what counters grew by within the window', () => {
    const history = new UsageHistory();
    history.take(usageOf('e1', 1, { traffic: [{ requests: 1_000n, errors: 5n }] }), 0);
    history.take(usageOf('e1', 2, { traffic: [{ requests: 1_100n, errors: 6n }] }), 5_000);
    history.take(usageOf('e1', 3, { traffic: [{ requests: 1_300n, errors: 9n }] }), 10_000);
    expect(history.metrics(30_000, 10_000)).toMatchObject([
      { formation: 'shop', service: 'web', release: 'v1', requests: 300n, errors: 4n, measuredMs: 10_000 },
    ]);
    expect(history.metrics(4_000, 10_000)).toMatchObject([{ requests: 200n, errors: 3n, measuredMs: 4_000 }]);
    expect(history.metrics(30_000, 50_000)).toEqual([]);
  });

  it('of before the first report is not counted, that of a release which is new is', () => {
    const history = new UsageHistory();
    history.take(usageOf('e1', 1, { traffic: [{ requests: 1_000n }] }), 0);
    expect(history.metrics(30_000, 0)).toEqual([]);
    history.take(
      usageOf('e1', 2, { traffic: [{ requests: 1_000n }, { release: 'v2', requests: 7n }] }),
      5_000,
    );
    expect(history.metrics(30_000, 5_000)).toMatchObject([
      { release: 'v2', requests: 7n, measuredMs: 5_000 },
    ]);
  });

  it.each([
    ['another epoch', { epoch: 'b', requests: 20n }, 20n],
    ['another epoch that has come further', { epoch: 'b', requests: 150n }, 150n],
    ['less in the same epoch', { requests: 30n }, 30n],
    ['less than nothing', { requests: -5n }, 0n],
  ])('counts from nothing after %s', (_what, after, expected) => {
    const history = new UsageHistory();
    history.take(usageOf('e1', 1, { traffic: [{ requests: 100n }] }), 0);
    history.take(usageOf('e1', 2, { traffic: [{ requests: 101n }] }), 1_000);
    history.take(usageOf('e1', 3, { traffic: [after] }), 2_000);
    expect(history.metrics(30_000, 2_000)).toMatchObject([{ requests: 1n + expected }]);
  });

  it('adds up executors and sources', () => {
    const history = new UsageHistory();
    const traffic = (requests: bigint) => [
      { requests },
      { requests: 2n * requests, source: TrafficUsage_Source.PROXY },
    ];
    for (const executor of ['e1', 'e2']) {
      history.take(usageOf(executor, 1, { traffic: traffic(0n) }), 0);
      history.take(usageOf(executor, 2, { traffic: traffic(10n) }), 1_000);
    }
    expect(history.metrics(30_000, 1_000)).toMatchObject([{ requests: 60n }]);
  });

  it('adds up connections: those that were made in the window, and those that are open now', () => {
    const history = new UsageHistory();
    const source = TrafficUsage_Source.VIRTUAL_IP;
    const take = (executor: string, revision: number, connections: bigint, openConnections: bigint) =>
      history.take(
        usageOf(executor, revision, { traffic: [{ source, connections, openConnections }] }),
        revision * 1_000,
      );
    for (const executor of ['e1', 'e2']) take(executor, 1, 5n, 0n);
    for (const executor of ['e1', 'e2']) take(executor, 2, 7n, 3n);
    expect(history.metrics(30_000, 2_000)).toMatchObject([
      { requests: 0n, connections: 4n, openConnections: 6n },
    ]);
    // Long after the last one was made they are open still.
    for (const executor of ['e1', 'e2']) take(executor, 100, 7n, 1n);
    expect(history.metrics(30_000, 100_000)).toMatchObject([{ connections: 0n, openConnections: 2n }]);
    history.forget('e1');
    expect(history.metrics(30_000, 100_000)).toMatchObject([{ openConnections: 1n }]);
  });

  it('leaves what comes out of order, or twice', () => {
    const history = new UsageHistory();
    history.take(usageOf('e1', 1, { traffic: [{ requests: 0n }] }), 0);
    history.take(usageOf('e1', 3, { traffic: [{ requests: 50n }] }), 1_000);
    history.take(usageOf('e1', 2, { traffic: [{ requests: 20n }] }), 2_000);
    history.take(usageOf('e1', 3, { traffic: [{ requests: 50n }] }), 3_000);
    expect(history.metrics(30_000, 3_000)).toMatchObject([{ requests: 50n }]);
  });

  it('has percentiles that are upper bounds, and none without requests', () => {
    const history = new UsageHistory();
    history.take(usageOf('e1', 1, { instances: [{}] }), 0);
    expect(history.metrics(30_000, 0)[0]?.p95Ms).toBeUndefined();
    const slow = [...Array.from({ length: 94 }, () => 3), ...Array.from({ length: 6 }, () => 180)];
    const durationCounts = buckets(...slow);
    history.take(usageOf('e1', 2, { instances: [{}], traffic: [{ requests: 100n, durationCounts }] }), 1_000);
    expect(history.metrics(30_000, 1_000)).toMatchObject([{ p50Ms: 5, p95Ms: 200, p99Ms: 200 }]);
  });

  it('says what waits, and no longer than it does', () => {
    const history = new UsageHistory();
    history.take(usageOf('e1', 1, { traffic: [{ release: '', waiting: 3n }] }), 0);
    history.take(usageOf('e2', 2, { traffic: [{ release: '', waiting: 1n }] }), 0);
    expect(history.metrics(30_000, 0)).toMatchObject([{ release: '', waiting: 4n, instances: 0 }]);
    history.take(usageOf('e1', 3, {}), 1_000);
    history.forget('e2');
    expect(history.metrics(30_000, 1_000)).toEqual([]);
  });
});

describe('instances', () => {
  it('are added up; processor time is a mean', () => {
    const history = new UsageHistory();
    const two = (cpuUs: bigint) => [
      { cpuUs, memoryBytes: 10n, memoryLimitBytes: 100n },
      { instance: 'web-1-2', cpuUs: cpuUs / 2n, memoryBytes: 20n, memoryLimitBytes: 100n },
    ];
    history.take(usageOf('e1', 1, { instances: two(1_000_000n) }), 0);
    history.take(usageOf('e1', 2, { instances: two(3_000_000n) }), 5_000);
    expect(history.metrics(30_000, 5_000)).toMatchObject([
      { instances: 2, cpuMillis: 600, memoryBytes: 30n, memoryLimitBytes: 200n },
    ]);
  });

  it('have no limit together where one has none', () => {
    const history = new UsageHistory();
    const limits = (...each: bigint[]) =>
      each.map((memoryLimitBytes, index) => ({ instance: `web-1-${index}`, memoryLimitBytes }));
    for (const [revision, given] of [limits(0n, 5n), limits(5n, 0n, 5n)].entries()) {
      history.take(usageOf('e1', revision + 1, { instances: given }), revision);
      expect(history.metrics(30_000, revision)).toMatchObject([{ memoryLimitBytes: 0n }]);
    }
  });

  it('that were restarted have used what they say since', () => {
    const history = new UsageHistory();
    history.take(usageOf('e1', 1, { instances: [{ cpuUs: 9_000_000n }] }), 0);
    history.take(usageOf('e1', 2, { instances: [{ cpuUs: 1_000_000n }] }), 1_000);
    expect(history.metrics(30_000, 1_000)).toMatchObject([{ cpuMillis: 1_000 }]);
  });

  it('of a lost executor are none, what was asked of them has been', () => {
    const history = new UsageHistory();
    history.take(usageOf('e1', 1, { instances: [{}], traffic: [{}] }), 0);
    history.take(usageOf('e1', 2, { instances: [{}], traffic: [{ requests: 8n }] }), 1_000);
    history.forget('e1');
    expect(history.metrics(30_000, 1_000)).toMatchObject([{ instances: 0, requests: 8n }]);
    // Back again: what it counted while nobody heard of it was at a time that nobody knows.
    history.take(usageOf('e1', 9, { instances: [{}], traffic: [{ requests: 500n }] }), 2_000);
    expect(history.metrics(30_000, 2_000)).toMatchObject([{ instances: 1, requests: 8n }]);
  });
});

it('shows the formation that is asked for', () => {
  const history = new UsageHistory();
  history.take(usageOf('e1', 1, { instances: [{}, { formation: 'blog' }] }), 0);
  expect(history.metrics(30_000, 0, 'blog')).toMatchObject([{ formation: 'blog' }]);
});

it('whatever is reported in whatever order, no request is counted twice or made up', () => {
  const report = fc.record({
    executor: fc.constantFrom('e1', 'e2'),
    more: fc.nat({ max: 50 }),
    delayMs: fc.nat({ max: 3_000 }),
    fate: fc.constantFrom('arrives', 'arrives', 'repeated', 'lost', 'restarted'),
  });
  fc.assert(
    fc.property(fc.array(report, { maxLength: 60 }), (reports) => {
      const history = new UsageHistory();
      const said = new Map<string, { requests: number; epoch: number }>();
      let [nowMs, revision, real] = [0, 0, 0];
      const take = (executor: string, at: number) => {
        const { requests, epoch } = said.get(executor)!;
        history.take(
          usageOf(executor, at, { traffic: [{ requests: BigInt(requests), epoch: String(epoch) }] }),
          nowMs,
        );
      };
      for (const executor of ['e1', 'e2']) {
        said.set(executor, { requests: 100, epoch: 0 });
        take(executor, ++revision);
      }
      const unheard = new Map<string, number>();
      for (const { executor, more, delayMs, fate } of reports) {
        nowMs += delayMs;
        const before = said.get(executor)!;
        const restarted = fate === 'restarted';
        // What was counted before a restart and never reported is not known to anybody.
        if (restarted) unheard.set(executor, 0);
        said.set(executor, {
          requests: restarted ? more : before.requests + more,
          epoch: before.epoch + (restarted ? 1 : 0),
        });
        unheard.set(executor, (unheard.get(executor) ?? 0) + more);
        if (fate === 'lost') continue;
        take(executor, ++revision);
        real += unheard.get(executor)!;
        unheard.set(executor, 0);
        if (fate === 'repeated') take(executor, revision - 1);
      }
      const total = history.metrics(300_000, nowMs).reduce((sum, { requests }) => sum + Number(requests), 0);
      expect(total).toBe(real);
    }),
  );
});

it('percentiles bound what they are of from above, by the next bucket', () => {
  const share = fc.constantFrom(0.5, 0.95, 0.99);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1 }), share, (durations, p) => {
      const bound = percentileMs(buckets(...durations).map(Number), p)!;
      const exact = durations.sort((a, b) => a - b)[Math.ceil(durations.length * p) - 1]!;
      expect(bound).toBeGreaterThanOrEqual(exact);
      expect(bound).toBe(durationBoundsMs.find((each) => each >= exact));
    }),
  );
});
