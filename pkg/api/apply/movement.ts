import { isDeepStrictEqual } from 'node:util';
import { PreconditionError } from '../../base/errors';
import { RolloutPhase, RolloutSpec, RolloutSpec_Intent } from '../../gen/gilliam/v1/rollout';
import { hasFactors } from '../../resource/current-release';
import { entryOf } from '../../resource/entries';
import type { Rollout, Scale } from '../../resource/objects';
import { compareReleaseNames } from '../../resource/release-name';
import { isStuck, isUnderWay, refuseSecondRollout } from '../../resource/rollout';
import { wishOf } from './applied-label';
import { digestOf } from './digest';
import { type FactorChange, factorsOf } from './factors';
import type { NextRelease } from './next-release';
import type { FormationState } from './state';

/** How the instances get to be those of the release: not at all, at once, or step by step. */
export type Movement =
  | {
      readonly kind: 'none';
      /** Why nothing moves though the release is not what runs: it was taken back. */
      readonly held?: string;
    }
  | { readonly kind: 'scale'; readonly before?: Scale; readonly factors: Record<string, number> }
  | {
      readonly kind: 'rollout';
      readonly spec: RolloutSpec;
      /** Names what was asked of it, and of factors: see `wishLabel`. */
      readonly wish: string;
    };

export interface MovementWish {
  readonly rollout?: RolloutSpec | undefined;
  /** As they are asked for, by process. */
  readonly factors: Readonly<Record<string, number>>;
  readonly prune: boolean;
  /** Whether to begin again what was taken back. */
  readonly retry: boolean;
}

/** Throws PreconditionError where another rollout is under way, or a process that runs would disappear unasked. */
export function movementTo(
  state: FormationState,
  release: NextRelease,
  changes: readonly FactorChange[],
  wish: MovementWish,
): Movement {
  const { scales, rollout } = state;
  const before = scales.find(({ metadata }) => metadata.name === release.name);
  const others = scales.filter((scale) => scale !== before && hasFactors(scale));
  const settled = changes.every((change) => change.before === change.after);
  if (rollout && leadsTo(rollout, release) && settled) return { kind: 'none' };
  refuseSecondRollout(rollout);
  const factors = factorsOf(changes);
  if (others.length > 0) {
    const named = nameOf(wish);
    const held = wish.retry ? undefined : takenBack(rollout, release, named);
    if (held !== undefined) return { kind: 'none', held };
    // Also those that are to have none: what is not named would stay as it is.
    const goals = Object.fromEntries(changes.map(({ process, after }) => [process, after]));
    return { kind: 'rollout', spec: rolloutSpec(release, others, goals, wish), wish: named };
  }
  const same = isDeepStrictEqual({ ...before?.spec.factors }, factors);
  return same ? { kind: 'none' } : { kind: 'scale', factors, ...(before && { before }) };
}

function rolloutSpec(
  release: NextRelease,
  others: readonly Scale[],
  factors: Record<string, number>,
  { rollout, prune }: MovementWish,
): RolloutSpec {
  const missing = missingFrom(release, others);
  const allowed = prune || rollout?.allowMissing === true;
  if (missing.length > 0 && !allowed) throw disappears(release, missing);
  return {
    ...(rollout ?? RolloutSpec.fromPartial({})),
    // All at once, with no verdict by requests, is what a rollback is.
    immediate: false,
    to: release.name,
    from: others.map(({ metadata }) => metadata.name).sort(compareReleaseNames),
    factors,
    intent: RolloutSpec_Intent.PROCEED,
    allowMissing: missing.length > 0 && allowed,
    message: release.spec.message,
    author: release.spec.author,
  };
}

/** Whether the rollout is on its way to the release already. */
function leadsTo(rollout: Rollout, release: NextRelease): boolean {
  const { spec, status } = rollout;
  const back = spec.intent === RolloutSpec_Intent.ABORT || status.phase === RolloutPhase.ABORTING;
  return isUnderWay(rollout) && !back && !release.isNew && spec.to === release.name;
}

/** The same for the same steps, gates and factors, as they are described: another one is another try. */
function nameOf({ rollout, factors }: Pick<MovementWish, 'rollout' | 'factors'>): string {
  return digestOf({ rollout: RolloutSpec.toJSON(RolloutSpec.fromPartial(rollout ?? {})), factors });
}

/**
 * When and why the release was taken back, or is for good; undefined where it was not, or where another way to it is
 * described than then. It is not tried again unasked: whoever applies by the minute would roll out what is broken for ever.
 */
function takenBack(rollout: Rollout | undefined, release: NextRelease, wish: string): string | undefined {
  if (!rollout || release.isNew || rollout.spec.to !== release.name) return undefined;
  const wished = wishOf(rollout);
  // One that was not begun by apply does not say what was described then.
  if (wished !== undefined && wished !== wish) return undefined;
  const { phase, changed, reason, message } = rollout.status;
  if (phase !== RolloutPhase.ABORTED && !isStuck(rollout)) return undefined;
  const time = changed?.toISOString().replace(/\.\d+Z$/, 'Z');
  const [is, when] = phase === RolloutPhase.ABORTED ? ['was', 'at'] : ['is being', 'since'];
  return `${release.name} ${is} taken back${time ? ` ${when} ${time}` : ''} (${reason}): ${message}`;
}

interface Missing {
  readonly process: string;
  readonly release: string;
  readonly factor: number;
}

function missingFrom(release: NextRelease, others: readonly Scale[]): readonly Missing[] {
  return others.flatMap(({ metadata, spec }) =>
    Object.entries(spec.factors)
      .filter(([process, factor]) => factor > 0 && !entryOf(release.spec.processes, process))
      .map(([process, factor]) => ({ process, factor, release: metadata.name })),
  );
}

function disappears({ name }: NextRelease, missing: readonly Missing[]): PreconditionError {
  const what = missing.map(({ process, factor, release }) => `${process} (${release}: ${factor})`).join(', ');
  return new PreconditionError(
    `${what} would disappear, since ${name} has no such process: describe it, scale it to 0, or give --prune`,
  );
}
