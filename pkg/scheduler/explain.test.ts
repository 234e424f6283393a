import { ExecutorState } from '../gen/gilliam/v1/executor';
import { InstanceSpec_Desired, InstanceState } from '../gen/gilliam/v1/instance';
import type { Process } from '../gen/gilliam/v1/release';
import type { Executor, Instance } from '../resource/objects';
import { executorOf, instanceOf, processOf } from '../testing/scheduling-objects';
import { explain } from './explain';

const MIB = 1n << 20n;
const executors = [
  executorOf({ name: 'e1', tags: { zone: 'a' } }),
  executorOf({ name: 'e2', tags: { zone: 'b' }, cordoned: true, memoryBytes: 64n * MIB }),
  executorOf({ name: 'e3', state: ExecutorState.LOST }),
  executorOf({ name: 'e4', tags: { zone: 'a' } }),
];
const process: Partial<Process> = {
  requirements: ['tags.zone == "a"'],
  resources: { cpuMillis: 500, memoryBytes: 512n * MIB, pids: 0 },
};

function verdictsOn(
  instance: Instance,
  others: readonly Instance[] = [],
  among: readonly Executor[] = executors,
) {
  const snapshot = {
    executors: among,
    instances: [...others, instance],
    processOf: () => processOf(process),
  };
  return explain(snapshot, instance);
}

describe('explain', () => {
  const elsewhere = instanceOf({ process: 'worker', executor: 'e1' });

  test('a pending instance: the chosen first, then who accepts, then the nearest misses', () => {
    const verdicts = verdictsOn(instanceOf(), [elsewhere]);
    expect(
      verdicts.map(({ executor, accepted, chosen, rank }) => [executor, accepted, chosen, rank]),
    ).toEqual([
      ['e4', true, true, 0],
      ['e1', true, false, -1],
      ['e3', false, false, 0],
      ['e2', false, false, 0],
    ]);
  });

  test('every clause of every executor, with the values', () => {
    const e2 = verdictsOn(instanceOf()).find(({ executor }) => executor === 'e2');
    expect(e2?.clauses).toEqual([
      { clause: 'ready', passed: true, detail: 'connected' },
      {
        clause: 'cordoned',
        passed: false,
        detail: 'yes, gilliam executor uncordon e2 opens it again',
      },
      { clause: 'tags.zone == "a"', passed: false, detail: 'tags.zone is "b"' },
      { clause: 'cpu', passed: true, detail: 'needs 0.5 CPU, 4 CPU of 4 CPU is free' },
      { clause: 'memory', passed: false, detail: 'needs 512 MiB, 64 MiB of 64 MiB is free' },
    ]);
  });

  test('a placed instance: where it is, judged as if it were not there yet', () => {
    const [first] = verdictsOn(instanceOf({ executor: 'e1' }));
    expect(first).toMatchObject({ executor: 'e1', chosen: true, accepted: true, rank: 0 });
    expect(first?.clauses.at(-1)?.detail).toBe('needs 512 MiB, 2 GiB of 2 GiB is free');
  });

  test('an instance on an executor that would refuse it now is still where it is', () => {
    const [first] = verdictsOn(instanceOf({ executor: 'e2' }));
    expect(first).toMatchObject({ executor: 'e2', chosen: true, accepted: false });
  });

  test.each([
    ['is to stop', { desired: InstanceSpec_Desired.STOPPED }],
    ['has stopped', { state: InstanceState.STOPPED }],
  ])('nothing is chosen for an instance that %s', (_, fixture) => {
    expect(verdictsOn(instanceOf(fixture)).filter(({ chosen }) => chosen)).toEqual([]);
  });

  test('an executor on which the rank has no value says so', () => {
    const snapshot = {
      executors: [executorOf({ name: 'e1' })],
      instances: [],
      processOf: () => processOf({ rank: 'int(tags.weight)' }),
    };
    const [verdict] = explain(snapshot, instanceOf());
    expect(verdict).toMatchObject({ accepted: true, chosen: true, rank: -Number.MAX_VALUE });
    expect(verdict?.clauses.at(-1)).toEqual({
      clause: 'rank',
      passed: true,
      detail: 'comes last: int(tags.weight) has no value, tag weight is not set',
    });
  });

  test('an instance whose release is gone', () => {
    const snapshot = { executors: [executorOf({ name: 'e1' })], instances: [], processOf: () => undefined };
    expect(explain(snapshot, instanceOf({ release: 'v3' }))).toEqual([
      {
        executor: 'e1',
        accepted: false,
        clauses: [{ clause: 'release', passed: false, detail: 'v3 is gone' }],
        rank: 0,
        chosen: false,
      },
    ]);
  });
});
