import { InstanceState } from '../../gen/gilliam/v1/instance';
import { Condition_Status } from '../../gen/gilliam/v1/metadata';
import { instance, releaseWith, scale } from '../fixtures';
import { planFormation } from './plan';
import { viewOf, type World } from './plan-fixture';

const { PENDING, STOPPING, FAILED } = InstanceState;

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
