import type {
  ApplyFormationRequest,
  ApplyFormationResponse,
  DeepPartial,
} from '../gen/gilliam/v1/apply_service';
import { PlannedChange_Action } from '../gen/gilliam/v1/apply_service';
import { RolloutPhase } from '../gen/gilliam/v1/rollout';
import { ScaleSpec, ScaleStatus } from '../gen/gilliam/v1/scale';
import { hasFactors } from '../resource/current-release';
import {
  formations,
  releases,
  rollouts,
  scales,
  type Formation,
  type Release,
  type Rollout,
  type Scale,
} from '../resource/objects';
import { ROLLOUT } from '../resource/rollout';
import type { Write } from '../store/store';
import { type ApiHarness, eventually, testImage, testProcesses } from './api-harness';

export type Desired = DeepPartial<NonNullable<ApplyFormationRequest['desired']>>;
export type Options = Partial<
  Pick<ApplyFormationRequest, 'validateOnly' | 'prune' | 'retry' | 'expectedPlan'>
>;

/** Applies to `shop`, or whatever is named. */
export function apply(
  api: ApiHarness,
  desired: Desired,
  { name = 'shop', ...options }: Options & { readonly name?: string } = {},
): Promise<ApplyFormationResponse> {
  return api.client.apply.applyFormation({ name: `formations/${name}`, desired, ...options });
}

/** A formation of `web` and `worker`. */
export const shop: Desired = { release: { image: testImage, processes: testProcesses, config: { A: '1' } } };

/** `shop`, and otherwise so. */
export const with_ = (over: Desired): Desired => ({ ...shop, ...over });
/** `shop` with these entries of its configuration. */
export const config = (entries: Record<string, string>): Desired => ({
  release: { ...shop.release, config: entries },
});
/** `web` and `worker`, and these. */
export const processes = (over: object): Desired => ({
  release: { image: testImage, processes: { ...testProcesses, ...over } },
});
export const route = (name: string, pattern: string, target = 'web.shop.service') => ({
  metadata: { name },
  spec: { pattern, target },
});
export const nightly = {
  metadata: { name: 'nightly' },
  spec: { schedule: '30 2 * * *', command: ['backup'] },
};
export const otherImage = `sha256:${'2'.repeat(64)}`;

/** `- scale web 1 → 2`, one line a change. */
export function linesOf({ changes }: ApplyFormationResponse): string[] {
  return changes.map(({ action, object, field, before, after }) => {
    const what = field === '' ? object : `${object} ${field}`;
    if (action === PlannedChange_Action.CREATE) return `+ ${what} ${after}`.trim();
    return action === PlannedChange_Action.REMOVE
      ? `- ${what} ${before}`.trim()
      : `~ ${what} ${before} → ${after}`;
  });
}

/** `start web.1 v2: image changes`, one line an instance. */
export function instanceLinesOf({ instances }: ApplyFormationResponse): string[] {
  return instances.map(({ action, instance, release, why }) => {
    const verb = action.replace('ACTION_', '').toLowerCase();
    return `${verb} ${instance} ${release}${why === '' ? '' : `: ${why}`}`;
  });
}

/** Brings the rollout of the formation to its end, as its controller would. */
export async function finishRollout(
  api: ApiHarness,
  phase = RolloutPhase.SUCCEEDED,
  formation = 'shop',
): Promise<void> {
  const { store } = api;
  const rollout = await rolloutOf(api, formation);
  if (!rollout) throw new Error('no rollout');
  const verdict = { reason: 'CrashLoop', message: 'web.4 of v2 was restarted 3 times' };
  const why = phase === RolloutPhase.ABORTED ? verdict : {};
  const done: Rollout = { ...rollout, status: { ...rollout.status, phase, ...why } };
  const moves =
    phase === RolloutPhase.SUCCEEDED
      ? (await store.list(scales, { formation })).items.filter(hasFactors)
      : [];
  const to = await store.get(scales, { formation, name: rollout.spec.to });
  const metadata = { name: rollout.spec.to, formation, uid: 'u', generation: 1n, revision: 0n, labels: {} };
  const taken: Scale = {
    metadata: to?.metadata ?? metadata,
    spec: ScaleSpec.fromPartial({ factors: rollout.spec.factors }),
    status: ScaleStatus.fromPartial({}),
  };
  await store.commit([
    { op: 'update', kind: rollouts, object: done },
    ...moves
      .filter((scale) => scale.metadata.name !== rollout.spec.to)
      .map((scale): Scale => ({ ...scale, spec: { ...scale.spec, factors: {} } }))
      .map((object): Write => ({ op: 'update', kind: scales, object })),
    ...(phase === RolloutPhase.SUCCEEDED
      ? [{ op: to ? 'update' : 'create', kind: scales, object: taken } satisfies Write]
      : []),
  ]);
}

export function rolloutOf({ store }: ApiHarness, formation = 'shop'): Promise<Rollout | undefined> {
  return store.get(rollouts, { formation, name: ROLLOUT });
}

/** Release → its factors, where it has any. */
export async function factorsIn({ store }: ApiHarness, formation = 'shop') {
  const { items } = await store.list(scales, { formation });
  return Object.fromEntries(
    items
      .filter(({ spec }) => Object.keys(spec.factors).length > 0)
      .map(({ metadata, spec }) => [metadata.name, spec.factors]),
  );
}

export function formationOf({ store }: ApiHarness): Promise<Formation | undefined> {
  return store.get(formations, { formation: '', name: 'shop' });
}

export function releaseOf({ store }: ApiHarness, name: string): Promise<Release | undefined> {
  return store.get(releases, { formation: 'shop', name });
}

/** The store's revision when nothing is written any more: events are, after the fact, and two looks at one revision mean that none is under way. */
export async function settled(api: ApiHarness): Promise<bigint> {
  let revision = -1n;
  return eventually(async () => {
    const now = api.memory.server.revision;
    const before = revision;
    revision = now;
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (now !== before) throw new Error(`something was written at ${now}`);
    return now;
  });
}
