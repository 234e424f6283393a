import { SystemClock, type Clock } from '../../../pkg/base/clock';
import type { Client } from '../../../pkg/client/client';
import { Instance, InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { Rollout, RolloutPhase } from '../../../pkg/gen/gilliam/v1/rollout';
import { Scale } from '../../../pkg/gen/gilliam/v1/scale';
import { VirtualClock } from '../../../pkg/testing/virtual-clock';
import { notRunning, waitForApplied } from './apply-wait';
import type { Progress } from './progress';

const web = (ordinal: number, release: string, ready = true, more: object = {}) =>
  Instance.fromPartial({
    metadata: { formation: 'shop', name: `web-${ordinal}` },
    spec: { process: 'web', ordinal, release, ...more },
    status: { state: InstanceState.RUNNING, ready, message: ready ? '' : 'connection refused' },
  });
const scale = (name: string, factor: number) =>
  Scale.fromPartial({ metadata: { name }, spec: { factors: { web: factor } } });
const rollout = (phase: RolloutPhase, message = '') =>
  Rollout.fromPartial({ spec: { to: 'v2' }, status: { phase, message } });

interface Seen {
  readonly instances: readonly Instance[];
  readonly scales: readonly Scale[];
  readonly rollout?: Rollout;
}

/** Waits while the formation looks like these, one after the other, the last of them for ever. */
async function wait(seen: readonly Seen[], timeoutMs = 5_000, clock: Clock = new SystemClock()) {
  let looks = 0;
  const at = () => seen[Math.min(looks, seen.length - 1)] as Seen;
  const client = {
    instances: { listInstances: async () => ({ instances: at().instances, nextPageToken: '' }) },
    rollouts: { getRollout: async () => ({ rollout: at().rollout }) },
    scales: {
      listScales: async () => {
        const { scales } = at();
        looks += 1;
        return { scales, nextPageToken: '' };
      },
    },
  } as unknown as Client;
  const progress = { update: () => {} } as unknown as Progress;
  const context = { clock, signal: new AbortController().signal };
  const goals = [{ formation: 'shop', rollout: seen.some((each) => each.rollout) }];
  const arrived = await waitForApplied(client, context, goals, { timeoutMs, progress });
  return arrived.get('shop');
}

test('until all that is wished for runs, of whatever release', async () => {
  const scales = [scale('v1', 1), scale('v2', 1)];
  const seen = [
    { scales, instances: [] },
    { scales, instances: [web(1, 'v1'), web(2, 'v2')] },
  ];
  await expect(wait(seen)).resolves.toBe('running');
});

test('what runs besides, once, is not counted', async () => {
  const once = web(2, 'v1', false, { oneOff: {} });
  await expect(wait([{ scales: [scale('v1', 1)], instances: [web(1, 'v1'), once] }])).resolves.toBe(
    'running',
  );
});

test('a rollout is waited for to its end, or to its canary', async () => {
  const state = { scales: [scale('v1', 1)], instances: [web(1, 'v1')] };
  const under = { ...state, rollout: rollout(RolloutPhase.PROGRESSING) };
  await expect(wait([under, { ...state, rollout: rollout(RolloutPhase.SUCCEEDED) }])).resolves.toBe(
    'running',
  );
  await expect(wait([under, { ...state, rollout: rollout(RolloutPhase.PAUSED) }])).resolves.toBe('paused');
});

test('a rollout that is taken back is an error that says why', async () => {
  const aborted = rollout(RolloutPhase.ABORTED, 'web.2 crashed 3 times');
  await expect(wait([{ scales: [], instances: [], rollout: aborted }])).rejects.toThrow(
    'shop: the rollout to v2 was aborted: web.2 crashed 3 times: gilliam events --formation shop',
  );
});

test('what stands in the way is told when it takes too long', async () => {
  const seen = { scales: [scale('v1', 2)], instances: [web(1, 'v1', false)] };
  await expect(wait([seen], 400)).rejects.toThrow(
    'applied, but after 0.4s shop has web 0/2: web.1 is unhealthy: connection refused: gilliam why web.1 --formation shop',
  );
});

test('what cannot run for a while ends the waiting, and says why', async () => {
  const status = { state: InstanceState.PENDING, reason: 'Unschedulable', message: 'needs 900 GiB' };
  const stuck = Instance.fromPartial({
    metadata: { formation: 'shop', name: 'web-1' },
    spec: { process: 'web', ordinal: 1, release: 'v1' },
    status,
  });
  const clock = new VirtualClock();
  const waiting = expect(
    wait([{ scales: [scale('v1', 1)], instances: [stuck] }], 600_000, clock),
  ).rejects.toThrow(
    'applied, but shop has web 0/1: web.1 is pending: needs 900 GiB: gilliam why web.1 --formation shop',
  );
  await clock.advance(25_000);
  await waiting;
  expect(clock.pending).toBe(0);
});

test('formations of which something does not run', async () => {
  const instances = [web(1, 'v1'), web(2, 'v1', false), web(3, 'v1', false, { oneOff: {} })];
  const client = { instances: { listInstances: async () => ({ instances, nextPageToken: '' }) } };
  const { signal } = new AbortController();
  const found = (...names: string[]) => notRunning(client as unknown as Client, new Set(names), signal);
  expect(await found('shop', 'other')).toEqual(['shop']);
  expect(await found('other')).toEqual([]);
  instances.splice(1, 1);
  expect(await found('shop')).toEqual([]);
});
