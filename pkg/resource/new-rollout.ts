import { InvalidError, PreconditionError } from '../base/errors';
import { RolloutPhase, RolloutSpec, RolloutSpec_Intent, RolloutStatus } from '../gen/gilliam/v1/rollout';
import { ScaleSpec } from '../gen/gilliam/v1/scale';
import { together } from './auxiliary';
import { hasFactors } from './current-release';
import { entryOf } from './entries';
import { quote } from './names';
import type { Instance, Release, Rollout, Route, Scale } from './objects';
import { compareReleaseNames } from './release-name';
import { retire } from './retire';
import { concerns, isStuck, refuseSecondRollout, ROLLOUT } from './rollout';
import { suggestion } from './suggest';
import { validateRollout } from './validate-rollout';

export interface RolloutWish {
  /** What is asked for: `to`, `from` and `factors` are filled in. */
  readonly asked: Partial<RolloutSpec>;
  readonly to: Release;
  /** All of the formation, as they are before. */
  readonly scales: readonly Scale[];
  readonly routes: readonly Route[];
  /** All of the formation that are known. */
  readonly instances: readonly Instance[];
  /** The formation's rollout as it is in the store. */
  readonly before: Rollout | undefined;
  readonly uid: string;
  readonly now: Date;
}

export interface NewRollout {
  /** To be created, or written over `before`. */
  readonly rollout: Rollout;
  /** Those that give way, with what there was around them; to be written in the same transaction. */
  readonly scales: readonly Scale[];
}

/**
 * A rollout as it begins. Throws PreconditionError where another one is under way, where nothing would move, or where
 * what runs would disappear; InvalidError for what makes no sense.
 */
export function newRollout(wish: RolloutWish): NewRollout {
  const { asked, to, scales, before, now } = wish;
  const { formation, name } = to.metadata;
  const given = RolloutSpec.fromPartial(asked);
  if (!given.immediate) refuseSecondRollout(before);
  validateRollout(given);
  checkFactors(given, to);
  const giving = givingWay(given, to, scales);
  const own = scales.find((scale) => scale.metadata.name === name);
  const wished = { ...leftBy(before, to), ...given.factors };
  const factors = factorsOf({ ...given, factors: wished }, to, giving, own);
  const original = [...giving, ...(own ? [own] : [])].map((scale) => [
    scale.metadata.name,
    originalOf(scale, before),
  ]);
  const spec: RolloutSpec = {
    ...given,
    to: name,
    from: giving.map((scale) => scale.metadata.name),
    factors,
    intent: RolloutSpec_Intent.PROCEED,
  };
  const status = RolloutStatus.fromPartial({
    observedGeneration: 1n,
    phase: RolloutPhase.PROGRESSING,
    original: Object.fromEntries(original) as Record<string, ScaleSpec>,
    restarts: restartsBefore(wish.instances, name),
    ...{ started: now, stepped: now, changed: now },
  });
  const revision = before?.metadata.revision ?? 0n;
  const metadata = {
    name: ROLLOUT,
    formation,
    uid: wish.uid,
    generation: 1n,
    revision,
    labels: {},
    created: now,
  };
  return {
    rollout: { metadata, spec, status },
    scales: giving.map((scale) => retire(scale, { routes: wish.routes, time: now, by: name })),
  };
}

function checkFactors({ factors }: RolloutSpec, to: Release): void {
  const { name } = to.metadata;
  const known = Object.keys(to.spec.processes);
  // Auxiliary services have images of their own: a formation may be made of nothing else.
  const without = Object.values(to.spec.processes).some(({ image }) => image === '') || known.length === 0;
  if (to.spec.image === '' && without) {
    throw new PreconditionError(`${name} has no image: gilliam deploy first`);
  }
  const stray = Object.keys(factors).find((process) => !known.includes(process));
  if (stray === undefined) return;
  const description = `${name} has no process ${quote(stray)}: ${suggestion(stray, known)}`;
  throw new InvalidError(description, [{ field: `spec.factors.${stray}`, description }]);
}

/** The scales of those that give way, oldest release first. */
function givingWay({ from, factors }: RolloutSpec, to: Release, scales: readonly Scale[]): Scale[] {
  const { name, formation } = to.metadata;
  const others = scales.filter((scale) => scale.metadata.name !== name && hasFactors(scale));
  const known = others.map((scale) => scale.metadata.name);
  const stray = from.find((release) => !known.includes(release));
  if (stray === name)
    throw new InvalidError(`${name} cannot give way to itself: name the release that runs now`);
  if (stray !== undefined) {
    throw new PreconditionError(
      known.length === 0
        ? `nothing of ${stray} runs: gilliam scale`
        : `nothing of ${stray} runs: ${known.join(' and ')} could give way`,
    );
  }
  const giving = from.length === 0 ? others : others.filter((scale) => from.includes(scale.metadata.name));
  if (giving.length === 0 && Object.keys(factors).length === 0) {
    throw new PreconditionError(
      scales.some((scale) => scale.metadata.name === name && hasFactors(scale))
        ? `${quote(formation)} runs nothing but ${name} already: gilliam scale`
        : `nothing of ${quote(formation)} runs that could move to ${name}: gilliam scale ${name} ${example(to)}`,
    );
  }
  return giving.toSorted((a, b) => compareReleaseNames(a.metadata.name, b.metadata.name));
}

function example({ spec }: Release): string {
  return `${Object.keys(spec.processes).sort()[0] ?? 'web'}=1`;
}

/** What `to` is to have in the end. Throws PreconditionError for what would disappear, unless that is allowed. */
function factorsOf(
  given: RolloutSpec,
  to: Release,
  giving: readonly Scale[],
  own: Scale | undefined,
): Record<string, number> {
  const sums = new Map(Object.entries(own?.spec.factors ?? {}));
  const missing: string[] = [];
  for (const { metadata, spec } of giving) {
    for (const [process, factor] of Object.entries(spec.factors)) {
      if (factor === 0) continue;
      if (entryOf(to.spec.processes, process))
        sums.set(process, together(process, [sums.get(process) ?? 0, factor]));
      else missing.push(`${factor} of ${process} (${metadata.name})`);
    }
  }
  if (missing.length > 0 && !given.allowMissing) {
    const what = missing.length === 1 ? 'it' : 'them';
    throw new PreconditionError(
      `${to.metadata.name} has no process for what runs: ${missing.join(', ')} would disappear: scale ${what} to 0 first, or --allow-missing`,
    );
  }
  for (const [process, factor] of Object.entries(given.factors)) sums.set(process, factor);
  return Object.fromEntries([...sums].filter(([, factor]) => factor > 0));
}

/** What a rollout was to come to that got stuck on its way back: of what there is now, some is there instead of some other. */
function leftBy(before: Rollout | undefined, to: Release): Record<string, number> {
  if (!before || !isStuck(before)) return {};
  const own = Object.entries(before.spec.factors).filter(([process]) => entryOf(to.spec.processes, process));
  return Object.fromEntries(own);
}

/** What a verdict on the rollout is not to count. */
function restartsBefore(instances: readonly Instance[], release: string): Record<string, number> {
  const own = instances.filter(({ spec, status }) => spec.release === release && status.restarts > 0);
  return Object.fromEntries(own.map(({ metadata, status }) => [metadata.uid, status.restarts]));
}

/**
 * What the release had. Where a rollout is stuck on its way back, that is what it was to come back to: what is left of the
 * new release, and the share of nothing that it has, are on their way out.
 */
function originalOf({ metadata: { name }, spec }: Scale, before: Rollout | undefined): ScaleSpec {
  const known = before && isStuck(before) && concerns(before, name);
  const { factors, trafficPercent } = known
    ? (entryOf(before.status.original, name) ?? ScaleSpec.fromPartial({}))
    : spec;
  return { factors: { ...factors }, ...(trafficPercent !== undefined && { trafficPercent }) };
}
