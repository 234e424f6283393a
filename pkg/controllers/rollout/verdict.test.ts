import { InstanceState } from '../../gen/gilliam/v1/instance';
import { RolloutSpec, RolloutStatus } from '../../gen/gilliam/v1/rollout';
import { rollouts } from '../../resource/objects';
import type { Instance } from '../../resource/objects';
import { frozen, instance } from '../fixtures';
import type { ReleaseTraffic, RolloutView } from './fleet';
import { compare, stalled, thresholdsOf, verdictOf } from './verdict';

const limits = thresholdsOf(RolloutSpec.fromPartial({}));
const traffic = (release: string, over: Partial<ReleaseTraffic> = {}): ReleaseTraffic => ({
  ...{ service: 'web', release, requests: 1_000, errors: 0, p95Ms: 50 },
  ...over,
});

describe('requests', () => {
  test.each<[string, Partial<ReleaseTraffic>, Partial<ReleaseTraffic>[], string | undefined]>([
    ['as before', {}, [{}], undefined],
    ['a little worse', { errors: 40 }, [{}], undefined],
    ['much worse', { errors: 90 }, [{}], 'ErrorRate'],
    ['bad, as before', { errors: 300 }, [{ errors: 290 }], undefined],
    ['worse than bad', { errors: 400 }, [{ errors: 290 }], 'ErrorRate'],
    ['all failing, of too few', { requests: 99, errors: 99 }, [{}], undefined],
    ['all failing, where the old were asked too little', { errors: 900 }, [{ requests: 99 }], undefined],
    ['all failing, with nothing to compare', { errors: 900 }, [], undefined],
    ['6 % of 100, which can be chance', { requests: 100, errors: 6 }, [{ requests: 100 }], undefined],
    ['20 % of 100, which cannot', { requests: 100, errors: 20 }, [{ requests: 100 }], 'ErrorRate'],
    ['twice as slow', { p95Ms: 100 }, [{}], undefined],
    ['four times as slow', { p95Ms: 200 }, [{}], 'Latency'],
    ['five times as slow, and fast', { p95Ms: 5 }, [{ p95Ms: 1 }], undefined],
    ['slow as the slowest of the old', { p95Ms: 200 }, [{}, { p95Ms: 200 }], undefined],
    ['faster', { p95Ms: 1 }, [{ errors: 500 }], undefined],
    ['slower than what failed at once', { p95Ms: 200 }, [{ errors: 500, p95Ms: 2 }], undefined],
  ])('%s', (_, next, old, reason) => {
    const others = old.map((over) => traffic('v1', over));
    expect(compare(traffic('v2', next), others, limits)?.reason).toBe(reason);
  });

  test('the thresholds are those of the gates', () => {
    const gates = { minRequests: 10, maxErrorPercent: 50, maxSlowdownPercent: 400, maxRestarts: 1 };
    const own = thresholdsOf(RolloutSpec.fromPartial({ gates }));
    expect(own).toEqual({ minRequests: 10, maxErrorShare: 0.5, maxSlowdown: 5, maxRestarts: 1 });
    expect(compare(traffic('v2', { errors: 400, p95Ms: 200 }), [traffic('v1')], own)).toBeUndefined();
  });
});

function view(own: readonly Instance[], over: Partial<RolloutView> & { spec?: Partial<RolloutSpec> } = {}) {
  const rollout = rollouts.decode(new Uint8Array());
  const asked = { to: 'v2', from: ['v1'], factors: { web: 2 }, progressDeadlineMs: 30_000, ...over.spec };
  return frozen<RolloutView>({
    rollout: {
      ...rollout,
      spec: RolloutSpec.fromPartial(asked),
      status: RolloutStatus.fromPartial({ started: new Date(0) }),
    },
    ...{ releases: [], scales: [], instances: own, traffic: [], sinceStepMs: 0, now: new Date(1_000) },
    sameForMs: () => 0,
    ...over,
  });
}
const young = (name: string, status: Partial<Instance['status']>, spec: Partial<Instance['spec']> = {}) => {
  const made = instance(name, { release: 'v2' });
  return {
    ...made,
    metadata: { ...made.metadata, created: new Date(500) },
    spec: { ...made.spec, ...spec },
    status: { ...made.status, ...status },
  };
};
const { FAILED, STARTING, PENDING } = InstanceState;

describe('instances', () => {
  test.each<[string, Instance, string | undefined]>([
    ['that were restarted twice', young('web.1', { restarts: 2 }), undefined],
    ['that were restarted three times', young('web.1', { restarts: 3 }), 'CrashLoop'],
    [
      'of the old release',
      { ...instance('web.1'), status: young('web.1', { restarts: 9 }).status },
      undefined,
    ],
    ['of a process that does not move', young('cron.1', { restarts: 9 }), undefined],
    ['that run once', young('web.1', { restarts: 9 }, { oneOff: { command: [] } as never }), undefined],
    ['that failed once', young('web.1', { state: FAILED }), undefined],
    ['that failed again and again', young('web.1', { state: FAILED }, { failedBefore: 2 }), 'Unhealthy'],
    [
      'that failed in an earlier try',
      {
        ...young('web.1', { state: FAILED }, { failedBefore: 2 }),
        metadata: { ...instance('web.1').metadata },
      },
      undefined,
    ],
  ])('%s', (_, one, reason) => {
    expect(verdictOf(view([one]))?.reason).toBe(reason);
  });

  test.each([
    ['started again after exit 3: boom: config missing', ': boom: config missing'],
    ['exit 3: boom: config missing, restart 4 in 4 s', ': boom: config missing'],
    ['exit 3, restart 4 in 4 s', ''],
    ['started again after exit 3', ''],
    ['started again', ''],
    ['', ''],
    ['started again after out of memory', ': out of memory'],
    ['waiting for its health check', ': waiting for its health check'],
  ])('that were restarted too often are told with the cause of: %s', (message, told) => {
    const looping = young('web.4', { restarts: 3, exitCode: 3, message });
    expect(verdictOf(view([looping]))).toEqual({
      reason: 'CrashLoop',
      message: `web.4 of v2 was restarted 3 times, last with exit code 3${told}`,
    });
  });

  test.each([
    [5, undefined],
    [7, undefined],
    [8, 'web.4 of v2 was restarted 3 times'],
  ])('that had been restarted 5 times before the rollout are judged by those since: %d', (restarts, told) => {
    const veteran = young('web.4', { restarts });
    const { rollout, ...rest } = view([veteran]);
    const status = { ...rollout.status, restarts: { [veteran.metadata.uid]: 5 } };
    expect(verdictOf({ ...rest, rollout: { ...rollout, status } })?.message).toBe(told);
  });

  test('that were healthy and are not any more have as long as new ones', () => {
    const sick = young('web.1', { ready: false, message: 'GET /: 500' });
    expect(verdictOf(view([sick], { sameForMs: () => 29_999 }))).toBeUndefined();
    expect(verdictOf(view([sick], { sameForMs: () => 30_000 }))).toEqual({
      reason: 'Unhealthy',
      message: 'web.1 of v2 has not been healthy for 30 seconds: GET /: 500',
    });
  });

  test('that do not get on are named, with what stands in the way', () => {
    const late = { sinceStepMs: 30_000 };
    expect(stalled(view([], { sinceStepMs: 29_999 }))).toBeUndefined();
    expect(stalled(view([], late))?.message).toBe('there was no progress for 30 seconds');
    const starting = young('web.1', { state: STARTING, ready: false, message: 'nobody listens at 8080' });
    expect(stalled(view([starting], late))).toEqual({
      reason: 'Unhealthy',
      message: 'web.1 of v2 was not healthy for 30 seconds: nobody listens at 8080',
    });
    const pending = young('web.1', { state: PENDING, ready: false, message: '0 of 3 executors' });
    expect(stalled(view([pending], { sinceStepMs: 600_000, spec: { progressDeadlineMs: 0 } }))).toEqual({
      reason: 'NoProgress',
      message: 'web.1 of v2 could not be placed for 10 minutes: 0 of 3 executors',
    });
  });

  test('and requests are judged by service, unless that is not wished', () => {
    const all = [traffic('v1'), traffic('v2', { errors: 500 })];
    expect(verdictOf(view([], { traffic: all }))?.message).toBe(
      '50 % of 1000 requests to web of v2 failed, 0 % of 1000 to v1',
    );
    const other = [traffic('v1'), traffic('v2', { service: 'api', errors: 500 })];
    expect(verdictOf(view([], { traffic: other }))).toBeUndefined();
    const spec = { gates: { ignoreRequests: true } as never };
    expect(verdictOf(view([], { traffic: all, spec }))).toBeUndefined();
    // Back from what somebody has judged already.
    expect(verdictOf(view([], { traffic: all, spec: { immediate: true } }))).toBeUndefined();
    const looping = young('web.1', { restarts: 3 });
    expect(verdictOf(view([looping], { spec: { immediate: true } }))?.reason).toBe('CrashLoop');
  });
});
