import { isDeepStrictEqual } from 'node:util';
import type { PlannedChange, PlannedInstance } from '../../gen/gilliam/v1/apply_service';
import { CronJobSpec } from '../../gen/gilliam/v1/cron_job';
import { FormationSpec } from '../../gen/gilliam/v1/formation';
import { ReleaseSpec } from '../../gen/gilliam/v1/release';
import { type Canary, RolloutSpec } from '../../gen/gilliam/v1/rollout';
import { RouteSpec } from '../../gen/gilliam/v1/route';
import { withoutSecrets } from '../release-secrets';
import type { RouteEdit } from '../route-store';
import { changed, created, difference, releaseDifference, removed } from './changes';
import type { CronEdit } from './cron-edits';
import { cronFields, cronInShort, formationFields, routeFields, routeInShort } from './describe';
import { digestOf } from './digest';
import type { FactorChange } from './factors';
import { factorChanges } from './factors';
import type { Movement } from './movement';
import { movementTo } from './movement';
import type { NextRelease } from './next-release';
import { plannedInstances } from './planned-instances';
import type { FormationState } from './state';
import type { Wish } from './wish';

/** All that apply would do to a formation. */
export interface ApplyPlan {
  readonly spec: FormationSpec;
  /** Whether `spec` differs from what it was. */
  readonly specChanges: boolean;
  /** Absent where there is none, before and after. */
  readonly release?: NextRelease;
  readonly factors: readonly FactorChange[];
  readonly movement: Movement;
  readonly routes: readonly RouteEdit[];
  readonly cronJobs: readonly CronEdit[];
  /** What is told of it. */
  readonly changes: readonly PlannedChange[];
  readonly instances: readonly PlannedInstance[];
  /** The plan's name: the same for all plans that do the same. */
  readonly hash: string;
}

export interface PlanInput {
  readonly state: FormationState;
  readonly wish: Wish;
  readonly release: NextRelease | undefined;
  readonly routes: readonly RouteEdit[];
  readonly cronJobs: readonly CronEdit[];
}

/** Throws PreconditionError where the state does not allow it: see movementTo. */
export function planApply({ state, wish, release, routes, cronJobs }: PlanInput): ApplyPlan {
  const { desired, prune } = wish;
  const before = state.formation?.spec ?? FormationSpec.fromPartial({});
  const spec = specAfter(before, wish);
  const least = Object.fromEntries(Object.entries(spec.scaling).map(([name, { min }]) => [name, min]));
  const asksForInstances = desired.release !== undefined || Object.keys(desired.factors).length > 0;
  const factors =
    release && asksForInstances ? factorChanges(state, release, { factors: desired.factors, least }) : [];
  const movement: Movement =
    release && asksForInstances
      ? movementTo(state, release, factors, { ...desired, prune, retry: wish.retry })
      : { kind: 'none' };
  const specChanges = !isDeepStrictEqual(FormationSpec.toJSON(before), FormationSpec.toJSON(spec));
  const releaseChanges = release?.isNew ? changesOfRelease(state, release) : [];
  const changes = [
    ...(state.formation ? [] : [created(`formation ${state.name}`, '')]),
    ...difference(`formation ${state.name}`, formationFields(before), formationFields(spec)),
    ...releaseChanges,
    ...changesOfFactors(factors, movement),
    ...routes.flatMap(changesOfRoute),
    ...cronJobs.flatMap(changesOfCronJob),
  ];
  const instances = release
    ? plannedInstances({ state, release, movement, changes: releaseChanges }, factors)
    : [];
  const plan = { spec, specChanges, release, factors, movement, routes, cronJobs, changes, instances };
  return { ...plan, hash: hashOf(plan, wish) };
}

/** What is described counts; what is left out stays, unless it is pruned. */
function specAfter(before: FormationSpec, { desired, prune }: Wish): FormationSpec {
  const { formation: asked, factors } = desired;
  if (!asked) return before;
  if (prune) return normal(asked);
  // A factor is said in place of a rule.
  const rules = Object.entries(before.scaling).filter(([process]) => factors[process] === undefined);
  return normal({
    limits: asked.limits ?? before.limits,
    scaling: { ...Object.fromEntries(rules), ...asked.scaling },
    shares: { ...before.shares, ...asked.shares },
    imports: { ...before.imports, ...asked.imports },
  });
}

/** No limit has one form. */
function normal({ limits, ...rest }: FormationSpec): FormationSpec {
  return limits?.maxInstances ? { ...rest, limits } : rest;
}

/** Whether it would write nothing. */
export function changesNothing(plan: ApplyPlan, { formation }: FormationState): boolean {
  return (
    formation !== undefined &&
    !plan.specChanges &&
    !plan.release?.isNew &&
    plan.movement.kind === 'none' &&
    plan.routes.length + plan.cronJobs.length === 0
  );
}

function changesOfRelease({ newest }: FormationState, { name, spec }: NextRelease): PlannedChange[] {
  const object = `release ${name}`;
  const before = newest?.spec ?? ReleaseSpec.fromPartial({});
  return [created(object, spec.message.split('\n')[0] ?? ''), ...releaseDifference(object, before, spec)];
}

function changesOfFactors(factors: readonly FactorChange[], movement: Movement): PlannedChange[] {
  if (movement.kind === 'none') return [];
  const object = 'scale';
  const scaled = factors
    .filter(({ before, after }) => before !== after)
    .map(({ process, before, after }) => changed(object, process, String(before), String(after)));
  if (movement.kind === 'scale') return scaled;
  const { to, from, canary } = movement.spec;
  const stops = canary ? `, stopping at a canary of ${sizeOf(canary)}` : '';
  return [...scaled, created('rollout', `${from.join(' and ')} to ${to}${stops}`)];
}

function sizeOf({ size, trafficPercent }: Canary): string {
  const instances = size?.$case === 'percent' ? `${size.value}%` : String(size?.value ?? 1);
  return trafficPercent === undefined ? instances : `${instances} with ${trafficPercent}% of the requests`;
}

function changesOfRoute({ before, after }: RouteEdit): PlannedChange[] {
  const object = `route ${(after?.route ?? before)?.metadata.name ?? ''}`;
  if (!before) return after ? [created(object, routeInShort(after.route.spec))] : [];
  if (!after) return [removed(object, routeInShort(before.spec))];
  const fields = difference(object, routeFields(before.spec), routeFields(after.route.spec));
  return fields.length > 0 ? fields : renewedCertificate(object, before.spec, after.route.spec);
}

/** Told by its text alone it is the same: one for development that ends soon, another chain of the same certificate. */
function renewedCertificate(object: string, before: RouteSpec, after: RouteSpec): PlannedChange[] {
  if (!after.tls || before.tls?.certificate === after.tls.certificate) return [];
  const text = routeFields(after).get('tls') ?? '';
  return [changed(object, 'tls', text, `${text}, renewed`)];
}

function changesOfCronJob({ before, after }: CronEdit): PlannedChange[] {
  const object = `cron ${(after ?? before)?.metadata.name ?? ''}`;
  if (!before) return after ? [created(object, cronInShort(after.spec))] : [];
  if (!after) return [removed(object, cronInShort(before.spec))];
  return difference(object, cronFields(before.spec), cronFields(after.spec));
}

/** Of what is made, without what is made up: uids, times, secrets, development certificates. */
function hashOf(plan: Omit<ApplyPlan, 'hash'>, { name, desired }: Wish): string {
  const { spec, specChanges, release, movement, routes, cronJobs, changes } = plan;
  const asked = new Map(desired.routes.map((route) => [route.metadata?.name ?? '', route.spec]));
  const nameOf = (object: { metadata: { name: string } } | undefined) => object?.metadata.name ?? '';
  const content = {
    name,
    changes,
    spec: specChanges && FormationSpec.toJSON(spec),
    release: release?.isNew && [release.name, ReleaseSpec.toJSON(withoutSecrets(release.spec))],
    factors: movement.kind === 'scale' && movement.factors,
    rollout: movement.kind === 'rollout' && RolloutSpec.toJSON(movement.spec),
    routes: routes.map(({ before, after }) => {
      const route = nameOf(after?.route ?? before);
      return [route, after && RouteSpec.toJSON(asked.get(route) ?? after.route.spec)];
    }),
    cronJobs: cronJobs.map(({ before, after }) => [
      nameOf(after ?? before),
      after && CronJobSpec.toJSON(after.spec),
    ]),
  };
  return digestOf(content);
}
