import { FormationStatus } from '../../gen/gilliam/v1/formation';
import { ScaleSpec, ScaleStatus } from '../../gen/gilliam/v1/scale';
import { hasFactors } from '../../resource/current-release';
import { newRollout } from '../../resource/new-rollout';
import {
  cronJobs,
  formations,
  releases,
  rollouts,
  scales,
  type Formation,
  type Kind,
  type Release,
  type Rollout,
  type Scale,
  type StoredObject,
} from '../../resource/objects';
import { releaseNumber } from '../../resource/release-name';
import { ROLLOUT } from '../../resource/rollout';
import type { Guard, Write } from '../../store/store';
import type { ApiContext } from '../api-context';
import { newMetadata } from '../objects';
import type { Part } from '../route-store';
import { scaledLabels } from '../scaled-label';
import { wishLabel } from './applied-label';
import type { CronEdit } from './cron-edits';
import type { ApplyPlan } from './plan';
import type { FormationState } from './state';

/** What a plan makes, without revisions. */
export interface Made {
  readonly formation: Formation;
  readonly release?: Release;
  readonly scale?: Scale;
  readonly rollout?: Rollout;
  /** Those that give way, with what there was around them. */
  readonly retired: readonly Scale[];
}

/** The objects of a plan. */
export function madeBy(
  context: Pick<ApiContext, 'clock' | 'random'>,
  plan: ApplyPlan,
  state: FormationState,
): Made {
  const { movement, release } = plan;
  const key = (name: string) => ({ formation: state.name, name });
  const made: Release | undefined = release?.isNew
    ? { metadata: newMetadata(context, key(release.name), release.labels), spec: release.spec }
    : undefined;
  const scale =
    movement.kind === 'scale' && release
      ? scaled(
          movement.before ?? {
            metadata: newMetadata(context, key(release.name)),
            spec: ScaleSpec.fromPartial({}),
            status: ScaleStatus.fromPartial({}),
          },
          movement,
        )
      : undefined;
  const begun =
    movement.kind === 'rollout' && release
      ? newRollout({
          asked: movement.spec,
          to: made ?? { metadata: newMetadata(context, key(release.name)), spec: release.spec },
          ...{ scales: state.scales, routes: state.routes, before: state.rollout },
          instances: state.instances,
          ...{ uid: context.random.uuid(), now: new Date(context.clock.now()) },
        })
      : undefined;
  return {
    formation: formationOf(context, plan, state),
    release: made,
    scale,
    rollout: begun && movement.kind === 'rollout' ? labelled(begun.rollout, movement.wish) : undefined,
    retired: begun?.scales ?? [],
  };
}

function labelled(rollout: Rollout, wish: string): Rollout {
  const { metadata } = rollout;
  return { ...rollout, metadata: { ...metadata, labels: { ...metadata.labels, [wishLabel]: wish } } };
}

/** The transaction, but for its routes. It is refused where anything that the plan was made on has changed. */
export function partOf(made: Made, plan: ApplyPlan, state: FormationState): Part {
  const { formation, release, scale, rollout, retired } = made;
  const moves = release !== undefined || plan.movement.kind !== 'none';
  const writesFormation = !state.formation || plan.specChanges || release !== undefined;
  const writes: Write[] = [
    ...(writesFormation ? [put(formations, formation, state.formation)] : []),
    ...(release ? [put(releases, release, undefined)] : []),
    ...(scale ? [put(scales, scale, plan.movement.kind === 'scale' ? plan.movement.before : undefined)] : []),
    ...(rollout ? [put(rollouts, rollout, state.rollout)] : []),
    ...retired.map((object): Write => ({ op: 'update', kind: scales, object })),
    ...plan.cronJobs.map(writeOfCronJob),
  ];
  const guards: Guard[] = [
    ...(state.formation && !writesFormation ? [guard(formations, state.formation.metadata)] : []),
    ...(moves ? scaleGuards(state, scale ? [scale] : retired) : []),
    ...(moves && !rollout ? [rolloutGuard(state)] : []),
  ];
  return { writes, guards };
}

function formationOf(
  context: Pick<ApiContext, 'clock' | 'random'>,
  { spec, specChanges, release }: ApplyPlan,
  { name, formation }: FormationState,
): Formation {
  const before: Formation = formation ?? {
    metadata: newMetadata(context, { name }),
    spec,
    status: FormationStatus.fromPartial({}),
  };
  const lastRelease = release?.isNew ? (releaseNumber(release.name) ?? 0) : before.status.lastRelease;
  const generation = before.metadata.generation + (formation && specChanges ? 1n : 0n);
  return {
    metadata: { ...before.metadata, generation },
    spec,
    status: { ...before.status, lastRelease },
  };
}

function scaled(
  before: Scale,
  movement: { readonly before?: Scale; readonly factors: Record<string, number> },
): Scale {
  const generation = before.metadata.generation + (movement.before ? 1n : 0n);
  const labels = scaledLabels(before, movement.factors);
  return {
    ...before,
    metadata: { ...before.metadata, generation, labels },
    spec: { ...before.spec, factors: movement.factors },
  };
}

/** That what runs, and how much of it, is as the plan has seen it. */
function scaleGuards({ name, scales: all, newest }: FormationState, written: readonly Scale[]): Guard[] {
  const names = new Set(written.map(({ metadata }) => metadata.name));
  const seen = all
    .filter((scale) => hasFactors(scale) && !names.has(scale.metadata.name))
    .map(({ metadata }) => guard(scales, metadata));
  const newestName = newest?.metadata.name;
  const scaledNow = all.find(({ metadata }) => metadata.name === newestName);
  if (newestName === undefined || names.has(newestName) || (scaledNow && hasFactors(scaledNow))) return seen;
  // What is most likely to be scaled at this very moment.
  const revision = scaledNow?.metadata.revision ?? 0n;
  return [...seen, { guard: 'object', kind: scales, key: { formation: name, name: newestName }, revision }];
}

function rolloutGuard({ name, rollout }: FormationState): Guard {
  const revision = rollout?.metadata.revision ?? 0n;
  return { guard: 'object', kind: rollouts, key: { formation: name, name: ROLLOUT }, revision };
}

function writeOfCronJob({ before, after }: CronEdit): Write {
  if (after) return put(cronJobs, after, before);
  const { formation = '', name = '', revision = 0n } = before?.metadata ?? {};
  return { op: 'delete', kind: cronJobs, key: { formation, name }, revision };
}

function put<T extends StoredObject>(kind: Kind<T>, object: T, before: T | undefined): Write {
  return { op: before ? 'update' : 'create', kind, object };
}

function guard<T extends StoredObject>(
  kind: Kind<T>,
  { formation, name, revision }: StoredObject['metadata'],
): Guard {
  return { guard: 'object', kind, key: { formation, name }, revision };
}
