import { InstanceState } from '../../gen/gilliam/v1/instance';
import { Condition_Status } from '../../gen/gilliam/v1/metadata';
import { shortName } from '../../resource/instance';
import type { Instance, Release, Scale } from '../../resource/objects';
import { formation, frozen, instance, release, releaseWith, scale } from '../fixtures';
import { planFormation } from './plan';
import type { FormationView } from './plan';

const { PENDING, ASSIGNED, STARTING, STOPPING, STOPPED, FAILED, LOST } = InstanceState;

interface World {
  readonly scales: readonly Scale[];
  readonly instances?: readonly Instance[];
  readonly draining?: readonly string[];
  readonly failedForMs?: number;
  readonly deleted?: boolean;
  readonly now?: Date;
  readonly releases?: readonly Release[];
}

function viewOf(world: World): FormationView {
  const { scales, instances = [], draining = [], failedForMs = 0, deleted, now = new Date(0) } = world;
  return {
    formation: formation('shop', deleted ? new Date(0) : undefined),
    scales: frozen(scales),
    releases: frozen(
      world.releases ?? [
        release('v1', 'web', 'worker'),
        release('v2', 'web', 'worker'),
        release('v10', 'web'),
      ],
    ),
    instances: frozen(instances),
    draining: new Set(draining),
    failedForMs: () => failedForMs,
    now,
  };
}

/** What the plan does, in words: `+web.1#2 v1` creates, `-web.1` stops, `=web.1` finishes. */
function plan(world: World): string[] {
  const { creates, stops, finishes, waiting } = planFormation(viewOf(world));
  return [
    ...creates.map(
      (c) => `+${c.process}.${c.ordinal}${c.incarnation > 1 ? `#${c.incarnation}` : ''} ${c.release}`,
    ),
    ...stops.map((stop) => `-${shortName(stop)}`),
    ...finishes.map((finish) => `=${shortName(finish)}`),
    ...waiting.map(({ failed, delayMs }) => `${shortName(failed)} waits ${delayMs} ms`),
  ];
}

describe('planFormation', () => {
  it.each<[string, World, string[]]>([
    [
      'creates what is missing at the lowest ordinals',
      { scales: [scale('v1', { web: 2, worker: 1 })] },
      ['+web.1 v1', '+web.2 v1', '+worker.1 v1'],
    ],
    [
      'does nothing when all is there',
      { scales: [scale('v1', { web: 1 })], instances: [instance('web.1')] },
      [],
    ],
    [
      'fills the gap',
      { scales: [scale('v1', { web: 3 })], instances: [instance('web.1'), instance('web.3')] },
      ['+web.2 v1'],
    ],
    [
      'counts what is not running yet',
      {
        scales: [scale('v1', { web: 2 })],
        instances: [instance('web.1', { state: PENDING }), instance('web.2', { state: STARTING })],
      },
      [],
    ],
    [
      'shares ordinals between releases',
      { scales: [scale('v1', { web: 1 }), scale('v2', { web: 1 })], instances: [instance('web.1')] },
      ['+web.2 v2'],
    ],
    [
      'serves older releases first, by number',
      { scales: [scale('v10', { web: 1 }), scale('v2', { web: 1 })] },
      ['+web.1 v2', '+web.2 v10'],
    ],
    [
      'stops the highest ordinals first',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.2'), instance('web.1'), instance('web.3')],
      },
      ['-web.3', '-web.2'],
    ],
    [
      'stops what is not ready before what is',
      {
        scales: [scale('v1', { web: 2 })],
        instances: [instance('web.1', { ready: false }), instance('web.2'), instance('web.3')],
      },
      ['-web.1'],
    ],
    [
      'finishes by itself what was never placed',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1'), instance('web.2', { state: PENDING })],
      },
      ['=web.2'],
    ],
    [
      'finishes what was asked to stop and was never placed',
      { scales: [scale('v1', {})], instances: [instance('web.1', { state: PENDING, stop: true })] },
      ['=web.1'],
    ],
    [
      'leaves to its executor what was asked to stop',
      {
        scales: [scale('v1', {})],
        instances: [instance('web.1', { stop: true }), instance('web.2', { state: STOPPING, stop: true })],
      },
      [],
    ],
    [
      'does not give an ordinal away before its holder has finished',
      { scales: [scale('v1', { web: 1 })], instances: [instance('web.1', { state: STOPPING, stop: true })] },
      ['+web.2 v1'],
    ],
    [
      'stops what has no scale',
      { scales: [], instances: [instance('web.1'), instance('web.2', { state: PENDING })] },
      ['-web.1', '=web.2'],
    ],
    [
      'stops everything of a deleted formation',
      {
        scales: [scale('v1', { web: 2 })],
        instances: [instance('web.1'), instance('web.2', { state: ASSIGNED })],
        deleted: true,
      },
      ['-web.2', '-web.1'],
    ],
    [
      'replaces a lost instance at its ordinal',
      {
        scales: [scale('v1', { web: 2 })],
        instances: [instance('web.1', { state: LOST }), instance('web.2')],
      },
      ['+web.1#2 v1'],
    ],
    [
      'counts on from the newest holder that is remembered',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [
          instance('web.1', { state: STOPPED, incarnation: 7 }),
          instance('web.1', { state: LOST, incarnation: 2 }),
        ],
      },
      ['+web.1#8 v1'],
    ],
    [
      'waits before it replaces a failed instance',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1', { state: FAILED })],
        failedForMs: 400,
      },
      ['web.1 waits 600 ms'],
    ],
    [
      'replaces a failed instance in time',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1', { state: FAILED })],
        failedForMs: 1_000,
      },
      ['+web.1#2 v1'],
    ],
    [
      'waits longer with each failure in a row',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1', { state: FAILED, incarnation: 4, failedBefore: 3 })],
      },
      ['web.1 waits 8000 ms'],
    ],
    [
      'waits five minutes at most',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1', { state: FAILED, failedBefore: 500 })],
      },
      ['web.1 waits 300000 ms'],
    ],
    [
      'does not try another ordinal meanwhile, nor lets another release have this one',
      {
        scales: [scale('v1', { web: 1 }), scale('v2', { web: 1 })],
        instances: [instance('web.1', { state: FAILED })],
      },
      ['+web.2 v2', 'web.1 waits 1000 ms'],
    ],
    [
      'does not hold the failures of one release against another',
      {
        scales: [scale('v2', { web: 1 })],
        instances: [instance('web.1', { state: FAILED, failedBefore: 9 })],
      },
      ['+web.1#2 v2'],
    ],
    [
      'makes a replacement first for what is on a draining executor',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1', { executor: 'e2' })],
        draining: ['e2'],
      },
      ['+web.2 v1'],
    ],
    [
      'keeps what is on a draining executor until the replacement is ready',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1', { executor: 'e2' }), instance('web.2', { ready: false })],
        draining: ['e2'],
      },
      [],
    ],
    [
      'stops one on a draining executor for each ready replacement',
      {
        scales: [scale('v1', { web: 2 })],
        instances: [
          instance('web.1', { executor: 'e2' }),
          instance('web.2', { executor: 'e2' }),
          instance('web.3'),
          instance('web.4', { state: STARTING }),
        ],
        draining: ['e2'],
      },
      ['-web.2'],
    ],
    [
      'scales down what is on a draining executor without replacing it',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1'), instance('web.2', { executor: 'e2' })],
        draining: ['e2'],
      },
      ['-web.2'],
    ],
    [
      'makes nothing of a process that the release does not have',
      { scales: [scale('v10', { worker: 1, web: 1 })] },
      ['+web.1 v10'],
    ],
    ['is not misled by names that every object has', { scales: [scale('v1', { constructor: 1 })] }, []],
  ])('%s', (_, world, expected) => {
    expect(plan(world)).toEqual(expected);
  });

  const data = { volumes: [{ name: 'data', path: '/data' }] };
  const same = [releaseWith('v1', { _cache: {}, web: {} }), releaseWith('v2', { _cache: {}, web: {} })];
  const other = [releaseWith('v1', { _cache: {} }), releaseWith('v2', { _cache: { image: 'sha256:2' } })];
  const kept = [releaseWith('v1', { _db: data }), releaseWith('v2', { _db: { ...data, image: 'sha256:2' } })];

  it.each<[string, World, string[]]>([
    [
      'takes over an auxiliary service that another release defined in the same words',
      { releases: same, scales: [scale('v2', { _cache: 1 })], instances: [instance('_cache.1')] },
      [],
    ],
    [
      'shares an auxiliary service between releases that define it in the same words',
      {
        releases: same,
        scales: [scale('v1', { _cache: 1 }), scale('v2', { _cache: 2 })],
        instances: [instance('_cache.1')],
      },
      ['+_cache.2 v2'],
    ],
    [
      'does not take over an ordinary process, however much the same',
      { releases: same, scales: [scale('v2', { web: 1 })], instances: [instance('web.1')] },
      ['+web.2 v2', '-web.1'],
    ],
    [
      'replaces an auxiliary service that is defined in other words: the old one serves until the new one can',
      { releases: other, scales: [scale('v2', { _cache: 1 })], instances: [instance('_cache.1')] },
      ['+_cache.2 v2'],
    ],
    [
      'keeps the old one while the new one starts, however often it fails',
      {
        releases: other,
        scales: [scale('v2', { _cache: 1 })],
        instances: [instance('_cache.1'), instance('_cache.2', { release: 'v2', ready: false })],
      },
      [],
    ],
    [
      'stops the old one when the new one is ready',
      {
        releases: other,
        scales: [scale('v2', { _cache: 1 })],
        instances: [instance('_cache.1'), instance('_cache.2', { release: 'v2' })],
      },
      ['-_cache.1'],
    ],
    [
      'keeps as many as are missing, those that work, and the lowest',
      {
        releases: other,
        scales: [scale('v2', { _cache: 2 })],
        instances: [
          ...[instance('_cache.1', { ready: false }), instance('_cache.2'), instance('_cache.3')],
          ...[instance('_cache.4', { release: 'v2' }), instance('_cache.5', { release: 'v2', ready: false })],
        ],
      },
      ['-_cache.1', '-_cache.3'],
    ],
    [
      'lets the old one go where the new one finds no room beside it',
      {
        releases: other,
        scales: [scale('v2', { _cache: 1 })],
        instances: [
          instance('_cache.1'),
          instance('_cache.2', { release: 'v2', state: PENDING, reason: 'Unschedulable' }),
        ],
      },
      ['-_cache.1'],
    ],
    [
      'stops one that is wanted no more at once',
      { releases: other, scales: [scale('v2', { _cache: 0 })], instances: [instance('_cache.1')] },
      ['-_cache.1'],
    ],
    [
      'stops what has a volume before it makes the one that is defined in other words',
      { releases: kept, scales: [scale('v2', { _db: 1 })], instances: [instance('_db.1')] },
      ['-_db.1'],
    ],
    [
      'gives an ordinal with a volume anew only when its last holder has ended',
      {
        releases: kept,
        scales: [scale('v2', { _db: 1 })],
        instances: [instance('_db.1', { state: STOPPING, stop: true })],
      },
      [],
    ],
    [
      'gives it anew when it has',
      {
        releases: kept,
        scales: [scale('v2', { _db: 1 })],
        instances: [instance('_db.1', { state: STOPPED, stop: true })],
      },
      ['+_db.1#2 v2'],
    ],
    [
      'has ordinals up to the factor only, where there are volumes',
      {
        releases: kept,
        scales: [scale('v1', { _db: 2 })],
        instances: [instance('_db.3'), instance('_db.1', { state: LOST })],
      },
      ['+_db.1#2 v1', '+_db.2 v1', '-_db.3'],
    ],
    [
      'stops what has a volume on a draining executor, and has its replacement wait',
      {
        releases: kept,
        scales: [scale('v1', { _db: 1 })],
        instances: [instance('_db.1', { executor: 'e2' })],
        draining: ['e2'],
      },
      ['-_db.1'],
    ],
    [
      'replaces one after the other, new before old',
      {
        scales: [scale('v1', { web: 2 })],
        instances: [instance('web.1', { replace: true }), instance('web.2', { replace: true })],
      },
      ['+web.3 v1'],
    ],
    [
      'stops the one that is replaced when its replacement is ready',
      {
        scales: [scale('v1', { web: 2 })],
        instances: [
          instance('web.1', { replace: true }),
          instance('web.2', { replace: true }),
          instance('web.3'),
        ],
      },
      ['-web.1'],
    ],
    [
      'waits with the one that is replaced until its replacement is ready',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1', { replace: true }), instance('web.2', { state: STARTING })],
      },
      [],
    ],
    [
      'replaces first what does not work, for it must not hold up the others',
      {
        scales: [scale('v1', { web: 2 })],
        instances: [
          instance('web.1', { replace: true }),
          instance('web.2', { replace: true, ready: false }),
          instance('web.3'),
        ],
      },
      ['-web.2'],
    ],
    [
      'stops first what is to be replaced anyhow, when there are too many',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1', { replace: true }), instance('web.2'), instance('web.3')],
      },
      ['-web.3', '-web.1'],
    ],
    [
      'stops first where there is a volume, and one at a time',
      {
        releases: kept,
        scales: [scale('v1', { _db: 2 })],
        instances: [instance('_db.1', { replace: true }), instance('_db.2', { replace: true })],
      },
      ['-_db.1'],
    ],
    [
      'stops none that works while another with a volume does not',
      {
        releases: kept,
        scales: [scale('v1', { _db: 2 })],
        instances: [instance('_db.1', { ready: false }), instance('_db.2', { replace: true })],
      },
      [],
    ],
    [
      'does not count a one-off, but leaves it its ordinal',
      { scales: [scale('v1', { web: 1 })], instances: [instance('web.1', { oneOff: true })] },
      ['+web.2 v1'],
    ],
    [
      'lets a one-off be, whatever its release is scaled to',
      { scales: [], instances: [instance('run.1', { oneOff: true }), instance('web.1', { oneOff: true })] },
      [],
    ],
    [
      'counts on from a one-off that has failed, but does not hold it against the process',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1', { oneOff: true, state: FAILED, incarnation: 4 })],
      },
      ['+web.1#5 v1'],
    ],
    [
      'stops the one-offs of a deleted formation',
      {
        scales: [],
        deleted: true,
        instances: [instance('run.1', { oneOff: true }), instance('run.2', { oneOff: true, state: PENDING })],
      },
      ['-run.1', '=run.2'],
    ],
  ])('%s', (_, world, expected) => {
    expect(plan(world)).toEqual(expected);
  });

  it('tells a creation how many have failed before it', () => {
    const failed = instance('web.1', { state: FAILED, incarnation: 3, failedBefore: 2 });
    const { creates } = planFormation(
      viewOf({ scales: [scale('v1', { web: 1 })], instances: [failed], failedForMs: 4_000 }),
    );
    expect(creates).toEqual([{ release: 'v1', process: 'web', ordinal: 1, incarnation: 4, failedBefore: 3 }]);
  });
});

describe('the status of a scale', () => {
  const now = new Date(1_000);
  const statusOf = (world: World) => planFormation(viewOf({ now, ...world })).scales[0]?.status;

  it.each<[string, World, Record<string, number>, [Condition_Status, string, string]]>([
    [
      'counts what is ready',
      {
        scales: [scale('v1', { web: 2, worker: 1 })],
        instances: [instance('web.1'), instance('web.2', { ready: false })],
      },
      { web: 1, worker: 0 },
      [Condition_Status.FALSE, 'Progressing', 'web 1 of 2 ready, worker 0 of 1 ready'],
    ],
    [
      'is complete when all is ready',
      { scales: [scale('v1', { web: 1, worker: 0 })], instances: [instance('web.1')] },
      { web: 1 },
      [Condition_Status.TRUE, 'AllReady', 'web 1 of 1 ready'],
    ],
    [
      'is not complete before what is too many has stopped',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1'), instance('web.2', { state: STOPPING, stop: true })],
      },
      { web: 1 },
      [Condition_Status.FALSE, 'Progressing', 'web 1 of 1 ready, 1 to stop'],
    ],
    [
      'says what fails',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [instance('web.1', { state: FAILED, failedBefore: 1, message: 'no such image' })],
      },
      { web: 0 },
      [Condition_Status.FALSE, 'Failing', 'web 0 of 1 ready; web.1 failed 2 times in a row: no such image'],
    ],
    [
      'says what finds no place',
      {
        scales: [scale('v1', { web: 1 })],
        instances: [
          instance('web.1', {
            state: PENDING,
            reason: 'Unschedulable',
            message: '0 of 1 executors: 1 cordoned',
          }),
        ],
      },
      { web: 0 },
      [
        Condition_Status.FALSE,
        'Unschedulable',
        'web 0 of 1 ready; web.1 cannot be placed: 0 of 1 executors: 1 cordoned',
      ],
    ],
    [
      'has nothing to do',
      { scales: [scale('v1', { web: 0 })] },
      {},
      [Condition_Status.TRUE, 'AllReady', 'nothing is to run'],
    ],
    [
      'counts an auxiliary service that was taken over',
      {
        releases: [releaseWith('v1', { _cache: {} }), releaseWith('v2', { _cache: {} })],
        scales: [scale('v2', { _cache: 1 })],
        instances: [instance('_cache.1', { release: 'v1' })],
      },
      { _cache: 1 },
      [Condition_Status.TRUE, 'AllReady', '_cache 1 of 1 ready'],
    ],
    [
      'does not count one-offs',
      { scales: [scale('v1', { web: 1 })], instances: [instance('web.1', { oneOff: true })] },
      { web: 0 },
      [Condition_Status.FALSE, 'Progressing', 'web 0 of 1 ready'],
    ],
  ])('%s', (_, world, ready, [status, reason, message]) => {
    const condition = { type: 'Complete', status, reason, message, changed: now };
    expect(statusOf(world)).toEqual({ observedGeneration: 1n, ready, conditions: [condition] });
  });

  it('is written only when it is another, and keeps the time of the last turn', () => {
    const world: World = { scales: [scale('v1', { web: 2 })], instances: [instance('web.1')] };
    const status = statusOf(world);
    const before = world.scales.map((each) => ({ ...each, status: status ?? each.status }));
    expect(statusOf({ ...world, scales: before, now: new Date(2_000) })).toBeUndefined();
    const later = { scales: before, instances: [], now: new Date(3_000) };
    expect(statusOf(later)?.conditions[0]).toMatchObject({ message: 'web 0 of 2 ready', changed: now });
  });
});
