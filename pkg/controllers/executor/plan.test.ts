import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { shortName } from '../../resource/instance';
import { executor, frozen, instance, session } from '../fixtures';
import { planExecutor } from './plan';
import type { ExecutorView } from './plan';

const { READY, JOINING, DISCONNECTED, LOST, UNSPECIFIED } = ExecutorState;

const silence = 'the Docker Engine does not answer: connect ENOENT /var/run/docker.sock';
const silent = { ...session('e1'), engineSilence: silence };

function plan(view: Partial<ExecutorView>) {
  const defaults = {
    session: undefined,
    goneForMs: 0,
    lostAfterMs: 10_000,
    instances: [],
    now: new Date(7_000),
  };
  return planExecutor(frozen({ ...defaults, executor: executor('e1'), ...view }));
}

describe('planExecutor', () => {
  it.each<[string, ExecutorState, Partial<ExecutorView>, ExecutorState]>([
    ['joins when it connects', UNSPECIFIED, { session: session('e1', false) }, JOINING],
    ['is ready once it is synced', JOINING, { session: session('e1') }, READY],
    ['stays ready', READY, { session: session('e1') }, READY],
    ['takes no work while its engine is silent', READY, { session: silent }, JOINING],
    ['is ready when its engine answers again', JOINING, { session: session('e1') }, READY],
    ['is disconnected without a session', READY, { goneForMs: 0 }, DISCONNECTED],
    ['is not lost a moment too early', DISCONNECTED, { goneForMs: 9_999 }, DISCONNECTED],
    ['is lost in time', DISCONNECTED, { goneForMs: 10_000 }, LOST],
    ['stays lost for a new leader that has only begun to look', LOST, { goneForMs: 0 }, LOST],
    [
      'invariant 10: does not take work before it is synced when it comes back',
      LOST,
      { session: session('e1', false) },
      JOINING,
    ],
    ['is ready again once it is synced', LOST, { session: session('e1') }, READY],
  ])('%s', (_, before, view, after) => {
    const { executor: changed } = plan({ executor: executor('e1', { state: before }), ...view });
    expect(changed?.status.state ?? before).toBe(after);
    expect(changed === undefined).toBe(before === after);
  });

  it('says why it takes no work: its engine, or what it is still stopping', () => {
    const joining = { session: session('e1', false) };
    const before = plan(joining).executor;
    expect(before?.status).toMatchObject({ state: JOINING, reason: 'Joining' });
    const after = plan({ executor: before, session: silent }).executor;
    expect(after?.status).toMatchObject({ state: JOINING, reason: 'EngineUnavailable', message: silence });
    expect(plan({ executor: after, session: silent }).executor).toBeUndefined();
    expect(plan({ executor: after, session: session('e1') }).executor?.status).toMatchObject({
      ...{ state: READY, reason: '', message: '' },
    });
  });

  it('looks again when the executor would be lost', () => {
    expect(plan({ goneForMs: 4_000 }).requeueAfterMs).toBe(6_000);
    expect(plan({ goneForMs: 10_000 }).requeueAfterMs).toBeUndefined();
    expect(plan({ session: session('e1') }).requeueAfterMs).toBeUndefined();
  });

  it('loses the unfinished instances of a lost executor, and says why', () => {
    const instances = [
      instance('web.1'),
      instance('web.2', { state: InstanceState.ASSIGNED }),
      instance('web.3', { stop: true, state: InstanceState.STOPPING }),
      instance('web.4', { state: InstanceState.FAILED }),
    ];
    const { lost } = plan({ instances, goneForMs: 10_000 });
    expect(lost.map(shortName)).toEqual(['web.1', 'web.2', 'web.3']);
    expect(lost[0]?.status).toMatchObject({
      state: InstanceState.LOST,
      ready: false,
      reason: 'ExecutorLost',
      message: 'executor e1 was not connected for 10 s',
      changed: new Date(7_000),
    });
  });

  it('carries on a declaration of loss that was interrupted', () => {
    const view = { executor: executor('e1', { state: LOST }), instances: [instance('web.1')] };
    expect(plan(view)).toMatchObject({ lost: [{ status: { state: InstanceState.LOST } }] });
  });

  it('loses nothing of an executor that is back', () => {
    const back = { executor: executor('e1', { state: LOST }), session: session('e1', false) };
    expect(plan({ ...back, instances: [instance('web.1')] }).lost).toEqual([]);
  });

  it('loses what is placed on an executor that is not known', () => {
    const view = { executor: undefined, instances: [instance('web.1')] };
    expect(plan({ ...view, goneForMs: 3_000 })).toEqual({ lost: [], requeueAfterMs: 7_000 });
    expect(plan({ ...view, goneForMs: 10_000 }).lost).toHaveLength(1);
  });
});
