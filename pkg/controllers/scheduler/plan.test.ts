import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { shortName } from '../../resource/instance';
import type { Executor, Instance } from '../../resource/objects';
import type { Schedule } from '../../scheduler/types';
import { executor, frozen, instance } from '../fixtures';
import { planAssignments, UNSCHEDULABLE } from './plan';

const { PENDING, STOPPED, LOST, STARTING } = InstanceState;
const now = new Date(5_000);

/** Places everything that is pending on the executor named, and nothing on none. */
const onto =
  (name: string | undefined, seen?: (instances: readonly Instance[]) => void): Schedule =>
  (snapshot) => {
    seen?.(snapshot.instances);
    const pending = snapshot.instances.filter((each) => each.spec.executor === '');
    return name === undefined
      ? { placements: [], unplaced: pending.map((each) => ({ instance: each, message: 'full' })) }
      : { placements: pending.map((each) => ({ instance: each, executor: name })), unplaced: [] };
  };

const plan = (instances: Instance[], schedule: Schedule, executors: Executor[] = [executor('e1')]) =>
  planAssignments(frozen({ executors, instances, processOf: () => undefined }), schedule, now);

describe('planAssignments', () => {
  it('gives a pending instance its executor and the state assigned, in one object', () => {
    const pending = instance('web.1', { state: PENDING, reason: UNSCHEDULABLE, message: 'full' });
    const { assigned, unplaced } = plan([pending], onto('e1'));
    expect(unplaced).toEqual([]);
    expect(assigned).toEqual([
      {
        ...pending,
        metadata: { ...pending.metadata, generation: 2n },
        spec: { ...pending.spec, executor: 'e1' },
        status: { ...pending.status, state: InstanceState.ASSIGNED, reason: '', message: '', changed: now },
      },
    ]);
  });

  it('invariant 1: an instance is assigned at most once, whatever the scheduler says', () => {
    const placed = instance('web.1', { state: STARTING });
    const stubborn: Schedule = () => ({
      placements: [{ instance: placed, executor: 'e1' }],
      unplaced: [{ instance: placed, message: 'full' }],
    });
    expect(plan([placed, instance('web.2', { state: PENDING })], stubborn)).toEqual({
      assigned: [],
      unplaced: [],
    });
  });

  it('lets the scheduler see what holds room or waits, and nothing else', () => {
    let seen: readonly Instance[] = [];
    const all = [
      instance('web.1'),
      instance('web.2', { state: PENDING }),
      instance('web.3', { state: PENDING, stop: true }),
      instance('web.4', { state: LOST }),
      instance('web.5', { state: STOPPED }),
      instance('web.6', { stop: true }),
    ];
    plan(
      all,
      onto('e1', (instances) => (seen = instances)),
    );
    expect(seen.map(shortName)).toEqual(['web.1', 'web.2', 'web.6']);
  });

  it('does not trouble the scheduler when nothing waits', () => {
    const never: Schedule = () => {
      throw new Error('troubled');
    };
    expect(plan([instance('web.1')], never)).toEqual({ assigned: [], unplaced: [] });
  });

  it.each<[string, Executor]>([
    ['cordoned', executor('e1', { cordoned: true })],
    ['draining', executor('e1', { draining: true })],
    ['joining', executor('e1', { state: ExecutorState.JOINING })],
    ['disconnected', executor('e1', { state: ExecutorState.DISCONNECTED })],
    ['lost', executor('e1', { state: ExecutorState.LOST })],
    ['another', executor('e2')],
  ])('places nothing on an executor that is %s', (_, other) => {
    expect(plan([instance('web.1', { state: PENDING })], onto('e1'), [other]).assigned).toEqual([]);
  });

  it('says why an instance waits, once', () => {
    const waiting = instance('web.1', { state: PENDING });
    const [told] = plan([waiting], onto(undefined)).unplaced;
    expect(told?.status).toMatchObject({ state: PENDING, reason: UNSCHEDULABLE, message: 'full' });
    expect(plan(told ? [told] : [], onto(undefined)).unplaced).toEqual([]);
  });
});
