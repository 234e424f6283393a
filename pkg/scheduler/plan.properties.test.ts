import fc from 'fast-check';
import { ExecutorState } from '../gen/gilliam/v1/executor';
import { InstanceState } from '../gen/gilliam/v1/instance';
import type { Process } from '../gen/gilliam/v1/release';
import { limitsOf } from '../resource/defaults';
import { isFinished, isWanted } from '../resource/instance';
import type { Executor, Instance } from '../resource/objects';
import { executorOf, instanceOf, processOf } from '../testing/scheduling-objects';
import { explain } from './explain';
import { schedule } from './plan';
import type { Snapshot } from './types';

const MIB = 1n << 20n;

// Rising and falling with load, of facts only, without a value at times, and never with one.
const ranks = fc.constantFrom(
  ...['', '-ncont', 'ncont', '-nsame', 'nsame * 10 - ncont', 'memory_free', 'cpu_total - cpu_free', '0'],
  ...[
    'int(tags.weight)',
    '100 / nsame',
    'tags.zone == "a" ? ncont : -ncont',
    '1.0 / double(ncont)',
    'nonsense',
  ],
);
const requirements = fc.array(
  fc.constantFrom(
    ...['tags.zone == "a"', 'ncont < 3', 'nsame == 0', 'nsame > 0 || ncont == 0', 'ncont > 0', 'true'],
    ...[
      'memory_free > 600000000',
      '10 / nsame < 8',
      'name != "e1"',
      'tags.exists(k, k == "weight")',
      'nonsense',
    ],
  ),
  { maxLength: 2 },
);
const processes = fc.array(
  fc.record({
    requirements,
    rank: ranks,
    resources: fc.record({
      cpuMillis: fc.constantFrom(0, 0, 100, 900),
      memoryBytes: fc.constantFrom(0n, 0n, 64n * MIB, 500n * MIB),
      pids: fc.constant(0),
    }),
  }),
  { minLength: 1, maxLength: 4, size: 'max' },
);
const executors = fc.uniqueArray(
  fc.record({
    name: fc.integer({ min: 1, max: 12 }).map((number) => `e${number}`),
    state: fc.constantFrom(
      ...Array.from({ length: 6 }, () => ExecutorState.READY),
      ExecutorState.LOST,
      ExecutorState.JOINING,
    ),
    cordoned: fc.integer({ min: 0, max: 7 }).map((number) => number === 0),
    tags: fc.constantFrom<Record<string, string>>(
      {},
      { zone: 'a' },
      { zone: 'b', weight: '3' },
      { weight: '7' },
    ),
    cpuMillis: fc.constantFrom(1_000, 4_000),
    memoryBytes: fc.constantFrom(512n * MIB, 2048n * MIB),
  }),
  { maxLength: 9, size: 'max', selector: ({ name }) => name },
);
const instances = fc.array(
  fc.record({
    // Mostly the first two, so that enough are alike to be placed from what the planner keeps.
    process: fc.constantFrom(0, 0, 0, 0, 1, 1, 1, 2, 3, 4),
    release: fc.constantFrom('v1', 'v1', 'v1', 'v1', 'v2'),
    createdMs: fc.nat(3),
    executor: fc.constantFrom('', '', '', 'e1', 'e2', 'e3'),
    state: fc.constantFrom(undefined, undefined, InstanceState.STOPPING, InstanceState.LOST),
  }),
  { maxLength: 40, size: 'max' },
);

const snapshots = fc.record({ processes, executors, instances }).map((drawn): Snapshot => {
  // One more process than there is: a release that is gone. v2 asks for other resources than v1.
  const find = ({ spec }: Instance): Process | undefined => {
    const process = drawn.processes[Number(spec.process.slice(1))];
    return process && processOf(spec.release === 'v1' ? process : { ...process, rank: '' });
  };
  return {
    executors: drawn.executors.map(executorOf),
    instances: drawn.instances.map(({ process, executor, state, ...rest }, index) =>
      instanceOf({
        ...rest,
        process: `p${process}`,
        ordinal: index + 1,
        executor,
        state: executor ? state : undefined,
      }),
    ),
    processOf: find,
  };
});

const isPending = (instance: Instance): boolean =>
  isWanted(instance) && instance.status.state === InstanceState.PENDING && instance.spec.executor === '';

function order(left: Instance, right: Instance): number {
  const age = (instance: Instance): number => instance.metadata.created?.getTime() ?? 0;
  return (
    age(left) - age(right) ||
    (left.spec.process < right.spec.process ? -1 : left.spec.process > right.spec.process ? 1 : 0) ||
    left.spec.ordinal - right.spec.ordinal
  );
}

/** Places one after another where `explain` says, in a snapshot made anew each time, until nothing moves any more. */
function placeNaively(snapshot: Snapshot): ReadonlyMap<string, string> {
  const placed = new Map<string, string>();
  for (let before = -1; before !== placed.size;) {
    before = placed.size;
    for (const { metadata } of [...snapshot.instances].filter(isPending).sort(order)) {
      if (placed.has(metadata.uid)) continue;
      const now = after(snapshot, placed);
      const instance = now.instances.find((each) => each.metadata.uid === metadata.uid) as Instance;
      const chosen = explain(now, instance).find((verdict) => verdict.chosen);
      if (chosen) placed.set(metadata.uid, chosen.executor);
    }
  }
  return placed;
}

function after(snapshot: Snapshot, placed: ReadonlyMap<string, string>): Snapshot {
  const instances = snapshot.instances.map((instance) => {
    const executor = placed.get(instance.metadata.uid);
    if (executor === undefined) return instance;
    return {
      ...instance,
      spec: { ...instance.spec, executor },
      status: { ...instance.status, state: InstanceState.ASSIGNED },
    };
  });
  return { ...snapshot, instances };
}

function placements(snapshot: Snapshot): ReadonlyMap<string, string> {
  return new Map(
    schedule(snapshot).placements.map(({ instance, executor }) => [instance.metadata.uid, executor]),
  );
}

function reserved(snapshot: Snapshot, executor: Executor): { cpuMillis: number; memoryBytes: bigint } {
  const total = { cpuMillis: 0, memoryBytes: 0n };
  for (const instance of snapshot.instances) {
    if (instance.spec.executor !== executor.metadata.name || isFinished(instance.status.state)) continue;
    const process = snapshot.processOf(instance);
    if (!process) continue;
    total.cpuMillis += limitsOf(process).cpuMillis;
    total.memoryBytes += limitsOf(process).memoryBytes;
  }
  return total;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Date || Object.isFrozen(value))
    return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

const runs = { numRuns: 250 };

describe('the plan', () => {
  test('is what placing one by one, each where explain says, comes to', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        expect(new Map([...placements(snapshot)].sort())).toEqual(
          new Map([...placeNaively(snapshot)].sort()),
        );
      }),
      runs,
    );
  });

  test('places or explains every pending instance, once, and nothing else', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const plan = schedule(snapshot);
        const told = [...plan.placements, ...plan.unplaced].map(({ instance }) => instance.metadata.uid);
        const pending = snapshot.instances.filter(isPending).map(({ metadata }) => metadata.uid);
        expect(told.sort()).toEqual(pending.sort());
      }),
      runs,
    );
  });

  test('never takes more of an executor than it has', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const planned = placements(snapshot);
        const then = after(snapshot, planned);
        for (const executor of snapshot.executors) {
          const before = reserved(snapshot, executor);
          const now = reserved(then, executor);
          const { capacity } = executor.status;
          // What was over before may stay so, but nothing is added to it.
          if (now.cpuMillis > before.cpuMillis)
            expect(now.cpuMillis).toBeLessThanOrEqual(capacity?.cpuMillis ?? 0);
          if (now.memoryBytes > before.memoryBytes) {
            expect(now.memoryBytes <= (capacity?.memoryBytes ?? 0n)).toBe(true);
          }
        }
      }),
      runs,
    );
  });

  test('is the same whatever the order of executors and instances', () => {
    fc.assert(
      fc.property(snapshots, fc.array(fc.nat(), { minLength: 49, maxLength: 49 }), (snapshot, keys) => {
        const shuffle = <T>(items: readonly T[]): T[] =>
          items
            .map((item, index) => ({ item, key: keys[index] ?? 0 }))
            .sort((left, right) => left.key - right.key)
            .map(({ item }) => item);
        const shuffled = {
          ...snapshot,
          executors: shuffle(snapshot.executors),
          instances: shuffle(snapshot.instances),
        };
        expect(schedule(shuffled)).toEqual(schedule(snapshot));
      }),
      runs,
    );
  });

  test('changes nothing of what it is made of', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const frozen = deepFreeze({
          ...snapshot,
          processOf: (instance: Instance) => deepFreeze(snapshot.processOf(instance)),
        });
        expect(schedule(frozen)).toEqual(schedule(snapshot));
        for (const instance of frozen.instances) explain(frozen, instance);
      }),
      runs,
    );
  });

  test('invariant 11: whatever cannot be placed says why, per executor and per clause', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const plan = schedule(snapshot);
        const then = after(snapshot, placements(snapshot));
        for (const { instance, message } of plan.unplaced) {
          expect(message).toMatch(/^(0 of \d+ executors?: .+|no executor has joined.*|v\d is gone.*)$/);
          const verdicts = explain(then, instance);
          expect(verdicts).toHaveLength(snapshot.executors.length);
          for (const verdict of verdicts) {
            expect(verdict).toMatchObject({ accepted: false, chosen: false });
            const failed = verdict.clauses.filter((clause) => !clause.passed);
            expect(failed.length).toBeGreaterThan(0);
            for (const { detail } of failed) expect(detail).toMatch(/^[^\n]+$/);
          }
          const counted = [...message.matchAll(/(?:: |, )(\d+) /g)].map((match) => Number(match[1]));
          if (message.startsWith('0 of')) {
            expect(counted.reduce((sum, count) => sum + count, 0)).toBe(snapshot.executors.length);
          }
        }
      }),
      runs,
    );
  });

  test('invariant 1: says one executor for an instance, and none for one that has one', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const { placements: planned } = schedule(snapshot);
        expect(new Set(planned.map(({ instance }) => instance.metadata.uid)).size).toBe(planned.length);
        for (const { instance } of planned) expect(instance.spec.executor).toBe('');
      }),
      runs,
    );
  });
});
