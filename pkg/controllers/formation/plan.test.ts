import { InstanceState } from '../../gen/gilliam/v1/instance';
import { instance, scale } from '../fixtures';
import { planFormation } from './plan';
import { plan, viewOf, type World } from './plan-fixture';

const { PENDING, ASSIGNED, STARTING, STOPPING, STOPPED, FAILED, LOST } = InstanceState;

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
