import { InstanceState } from '../../gen/gilliam/v1/instance';
import { instance, releaseWith, scale } from '../fixtures';
import { plan, type World } from './plan-fixture';

const { PENDING, STARTING, STOPPING, STOPPED, LOST } = InstanceState;

describe('planFormation', () => {
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
  ])('%s', (_, world, expected) => {
    expect(plan(world)).toEqual(expected);
  });
});
