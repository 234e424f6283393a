import { ExecutorState } from '../gen/gilliam/v1/executor';
import { InstanceSpec_Desired, InstanceState, OneOff } from '../gen/gilliam/v1/instance';
import type { Process } from '../gen/gilliam/v1/release';
import type { Executor, Instance, Volume } from '../resource/objects';
import { executorOf, instanceOf, processOf, volumeOf } from '../testing/scheduling-objects';
import { explain } from './explain';
import { schedule } from './plan';
import type { Snapshot } from './types';

const MIB = 1n << 20n;

function snapshotOf(
  executors: readonly Executor[],
  instances: readonly Instance[],
  processes: Readonly<Record<string, Partial<Process>>> = {},
): Snapshot {
  return {
    executors,
    instances,
    processOf: ({ spec }) =>
      Object.hasOwn(processes, spec.process) ? processOf(processes[spec.process]) : undefined,
  };
}

const e1 = executorOf({ name: 'e1' });
const e2 = executorOf({ name: 'e2' });
const e3 = executorOf({ name: 'e3' });
const memory = (mib: bigint) => ({ resources: { cpuMillis: 0, memoryBytes: mib * MIB, pids: 0 } });
const web = (ordinal: number, executor = '') => instanceOf({ ordinal, executor, createdMs: ordinal });

function placed(snapshot: Snapshot): Record<string, string> {
  return Object.fromEntries(
    schedule(snapshot).placements.map(({ instance, executor }) => [instance.metadata.name, executor]),
  );
}

function messages(snapshot: Snapshot): readonly string[] {
  return schedule(snapshot).unplaced.map(({ message }) => message);
}

describe('schedule places', () => {
  test('on the executor with the fewest instances, by default', () => {
    const plan = placed(snapshotOf([e1, e2, e3], [web(1, 'e1'), web(2, 'e2'), web(3)], { web: {} }));
    expect(plan).toEqual({ 'web-3-1': 'e3' });
  });

  test('counting what it places itself', () => {
    const plan = placed(snapshotOf([e1, e2, e3], [web(1), web(2), web(3)], { web: {} }));
    expect(Object.values(plan).sort()).toEqual(['e1', 'e2', 'e3']);
  });

  test('by rank: here the fullest that still has room', () => {
    const instances = [web(1, 'e2'), web(2), web(3), web(4)];
    const processes = { web: { rank: 'ncont', ...memory(700n) } };
    expect(placed(snapshotOf([e1, e2], instances, processes))).toEqual({
      'web-2-1': 'e2',
      'web-3-1': 'e1',
      'web-4-1': 'e1',
    });
  });

  test('the oldest first, where there is not room for all', () => {
    const instances = [
      instanceOf({ ordinal: 1, createdMs: 9 }),
      instanceOf({ ordinal: 2, createdMs: 3 }),
      instanceOf({ ordinal: 3, createdMs: 5 }),
    ];
    const plan = schedule(snapshotOf([e1], instances, { web: memory(1024n) }));
    expect(plan.placements.map(({ instance }) => instance.spec.ordinal)).toEqual([2, 3]);
    expect(plan.unplaced.map(({ instance }) => instance.spec.ordinal)).toEqual([1]);
  });

  test('a small one where a large one before it has no room', () => {
    const instances = [
      instanceOf({ process: 'large', createdMs: 1 }),
      instanceOf({ process: 'small', createdMs: 2 }),
    ];
    const processes = { large: memory(4096n), small: memory(64n) };
    expect(placed(snapshotOf([e1], instances, processes))).toEqual({ 'small-1-1': 'e1' });
  });

  test('what asks for company, once the company is placed', () => {
    const instances = [
      instanceOf({ process: 'sidecar', createdMs: 1 }),
      instanceOf({ process: 'main', createdMs: 2 }),
    ];
    const processes = { sidecar: { requirements: ['ncont > 0'] }, main: {} };
    const plan = placed(snapshotOf([e1, e2], instances, processes));
    expect(plan['sidecar-1-1']).toBe(plan['main-1-1']);
  });

  test('one instance of a process an executor, when it is required', () => {
    const instances = [web(1), web(2), web(3)];
    const processes = { web: { requirements: ['nsame == 0'] } };
    const plan = schedule(snapshotOf([e1, e2], instances, processes));
    expect(plan.placements.map(({ executor }) => executor).sort()).toEqual(['e1', 'e2']);
    expect(plan.unplaced.map(({ message }) => message)).toEqual([
      '0 of 2 executors: 2 do not fulfil nsame == 0',
    ]);
  });

  test('last where the rank has no value', () => {
    const heavy = executorOf({ name: 'e9', tags: { weight: '-100' } });
    const processes = { web: { rank: 'int(tags.weight)' } };
    expect(placed(snapshotOf([e1, e2, heavy], [web(1)], processes))).toEqual({ 'web-1-1': 'e9' });
    expect(Object.keys(placed(snapshotOf([e1], [web(1)], processes)))).toEqual(['web-1-1']);
  });

  test('nothing but what is pending and wished to run', () => {
    const instances = [
      instanceOf({ ordinal: 1, executor: 'e1' }),
      instanceOf({ ordinal: 2, desired: InstanceSpec_Desired.STOPPED }),
      instanceOf({ ordinal: 3, state: InstanceState.STOPPED }),
      instanceOf({ ordinal: 4, state: InstanceState.ASSIGNED, executor: 'e2' }),
    ];
    expect(schedule(snapshotOf([e1, e2], instances, { web: {} }))).toEqual({ placements: [], unplaced: [] });
  });

  test('into what finished instances have left', () => {
    const instances = [
      instanceOf({ ordinal: 1, executor: 'e1', state: InstanceState.FAILED }),
      instanceOf({ ordinal: 2, executor: 'e1', state: InstanceState.LOST }),
      web(3),
    ];
    expect(placed(snapshotOf([e1], instances, { web: memory(2048n) }))).toEqual({ 'web-3-1': 'e1' });
  });

  test('not into what stopping instances still hold', () => {
    const stopping = instanceOf({
      executor: 'e1',
      state: InstanceState.STOPPING,
      desired: InstanceSpec_Desired.STOPPED,
    });
    expect(messages(snapshotOf([e1], [stopping, web(3)], { web: memory(2048n) }))).toEqual([
      '0 of 1 executor: 1 too little memory (needs 2 GiB, at most 0 B free)',
    ]);
  });
});

describe('schedule says why not', () => {
  const small = executorOf({ name: 'small', memoryBytes: 300n * MIB });
  const cordoned = executorOf({ name: 'c1', cordoned: true });
  const draining = executorOf({ name: 'd1', draining: true });
  const lost = executorOf({ name: 'l1', state: ExecutorState.LOST });
  const gone = executorOf({ name: 'l2', state: ExecutorState.DISCONNECTED });

  test.each<[string, readonly Executor[], Partial<Process>, string]>([
    ['no executor', [], {}, 'no executor has joined the stage yet'],
    [
      'too small executors',
      [cordoned, small, executorOf({ name: 'smaller', memoryBytes: 200n * MIB })],
      memory(512n),
      '0 of 3 executors: 1 cordoned, 2 too little memory (needs 512 MiB, the largest has 300 MiB)',
    ],
    [
      'everything at once',
      [lost, gone, cordoned, draining, e1],
      { requirements: ['tags.disk == "ssd"', 'ncont < 5'] },
      '0 of 5 executors: 1 disconnected, 1 lost, 1 cordoned, 1 draining, 1 does not fulfil tags.disk == "ssd"',
    ],
    [
      'cpu',
      [e1],
      { resources: { cpuMillis: 8_000, memoryBytes: 0n, pids: 0 } },
      '0 of 1 executor: 1 too little cpu (needs 8 CPU, the largest has 4 CPU)',
    ],
    [
      'an expression that is not valid',
      [e1],
      { requirements: ['ssd'] },
      '0 of 1 executor: 1 cannot be asked for ssd',
    ],
  ])('%s', (_, executors, process, message) => {
    expect(messages(snapshotOf(executors, [web(1)], { web: process }))).toEqual([message]);
  });

  test('room that is taken', () => {
    const instances = [web(1, 'e1'), web(2, 'e2'), web(3)];
    expect(messages(snapshotOf([e1, e2], instances, { web: memory(1200n) }))).toEqual([
      '0 of 2 executors: 2 too little memory (needs 1.1 GiB, at most 848 MiB free)',
    ]);
  });

  test('a release that is gone', () => {
    expect(messages(snapshotOf([e1], [web(1)], {}))).toEqual(['v1 is gone: scale a release that exists']);
  });
});

describe('schedule keeps to volumes', () => {
  const process = { _db: { volumes: [{ name: 'data', path: '/data' }], ...memory(700n) } };
  const db = instanceOf({ process: '_db' });
  const at = (executor: string, deleted?: Date) =>
    volumeOf({ service: '_db', volume: 'data', executor, deleted });
  const withVolume = (
    executors: readonly Executor[],
    volume: Volume,
    others: readonly Instance[] = [],
  ): Snapshot => ({
    ...snapshotOf(executors, [db, ...others], { ...process, web: memory(1800n) }),
    volume: (formation, name) => (formation === 'shop' && name === '_db-1-data' ? volume : undefined),
  });

  test('placing an instance where its volume is, however full the executor', () => {
    const others = [web(1, 'e3'), web(2, 'e3')].map((each) => ({
      ...each,
      spec: { ...each.spec, process: 'x' },
    }));
    expect(placed(withVolume([e1, e2, e3], at('e3'), others))).toEqual({ '_db-1-1': 'e3' });
  });

  test('placing each formation’s where its own is, though all volumes have one name', () => {
    const formations = { shop: 'e1', bank: 'e2', blog: 'e3', docs: 'e2', wiki: 'e3' };
    const instances = Object.keys(formations).map((formation) => instanceOf({ formation, process: '_db' }));
    const snapshot: Snapshot = {
      ...snapshotOf([e1, e2, e3], instances, { _db: { volumes: [{ name: 'data', path: '/data' }] } }),
      volume: (formation) => at(formations[formation as keyof typeof formations]),
    };
    const { placements } = schedule(snapshot);
    const where = placements.map(({ instance, executor }) => [instance.metadata.formation, executor]);
    expect(Object.fromEntries(where)).toEqual(formations);
  });

  test('placing one whose volumes are still to be made anywhere', () => {
    const snapshot = { ...withVolume([e2], at('e9')), volume: () => undefined };
    expect(placed(snapshot)).toEqual({ '_db-1-1': 'e2' });
  });

  test('placing one-offs anywhere, since they have none', () => {
    const oneOff = { ...db, spec: { ...db.spec, oneOff: OneOff.fromPartial({}) } };
    expect(placed({ ...withVolume([e2], at('e1')), instances: [oneOff] })).toEqual({ '_db-1-1': 'e2' });
  });

  const lost = executorOf({ name: 'e1', state: ExecutorState.LOST, message: 'no session for 10 s' });
  test.each<[string, readonly Executor[], Volume, readonly Instance[], string]>([
    [
      'is lost',
      [lost, e2, e3],
      at('e1'),
      [],
      '0 of 3 executors: 2 do not have volume _db-1-data, which is on e1, which is lost: no session for 10 s, 1 lost',
    ],
    [
      'is cordoned',
      [executorOf({ name: 'e1', cordoned: true }), e2],
      at('e1'),
      [],
      '0 of 2 executors: 1 does not have volume _db-1-data, which is on e1, which is cordoned: gilliam executor uncordon e1 opens it again, 1 cordoned',
    ],
    [
      'has no room',
      [e1, e2],
      at('e1'),
      [web(1, 'e1')],
      '0 of 2 executors: 1 does not have volume _db-1-data, which is on e1, which has too little memory: needs 700 MiB, 248 MiB of 2 GiB is free, 1 too little memory (needs 700 MiB, at most 248 MiB free)',
    ],
    [
      'is gone',
      [e2],
      at('e1'),
      [],
      '0 of 1 executor: 1 does not have volume _db-1-data, which is on e1, which is gone',
    ],
    [
      'is still deleting it',
      [e1, e2],
      at('e1', new Date(0)),
      [],
      '0 of 2 executors: 2 wait until volume _db-1-data is deleted on e1',
    ],
  ])('invariant 11: saying where the volume is and why to wait, when that executor %s', (...given) => {
    const [, executors, volume, others, message] = given;
    expect(messages(withVolume(executors, volume, others))).toEqual([message]);
  });

  test('explaining it for every executor', () => {
    const clauses = explain(withVolume([lost, e2], at('e1')), db).flatMap((verdict) =>
      verdict.clauses
        .filter(({ clause }) => clause === 'volume')
        .map(({ passed, detail }) => `${verdict.executor} ${passed}: ${detail}`),
    );
    expect(clauses.sort()).toEqual([
      'e1 true: _db-1-data is here',
      'e2 false: _db-1-data is on e1, which is lost: no session for 10 s',
    ]);
  });
});

describe('schedule obeys the wish of a one-off', () => {
  const wishing = (executor: string) => {
    const instance = instanceOf();
    return { ...instance, spec: { ...instance.spec, oneOff: OneOff.fromPartial({ executor }) } };
  };

  test('for an executor, however little it fits', () => {
    expect(placed(snapshotOf([e1, e2], [wishing('e2'), web(2, 'e2')], { web: {} }))).toEqual({
      'web-1-1': 'e2',
    });
  });

  test('or says that it is not there', () => {
    expect(messages(snapshotOf([e1, e2], [wishing('e9')], { web: {} }))).toEqual([
      '0 of 2 executors: 2 not e9, which was asked for',
    ]);
  });
});
