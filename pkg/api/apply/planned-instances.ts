import type { PlannedChange, PlannedInstance } from '../../gen/gilliam/v1/apply_service';
import { PlannedInstance_Action } from '../../gen/gilliam/v1/apply_service';
import { isAuxiliary, sameDefinition } from '../../resource/auxiliary';
import { entryOf } from '../../resource/entries';
import { isFinished, isWanted, shortName } from '../../resource/instance';
import type { Instance } from '../../resource/objects';
import { DEFAULT_SURGE } from '../../resource/rollout';
import type { FactorChange } from './factors';
import type { Movement } from './movement';
import type { NextRelease } from './next-release';
import type { FormationState } from './state';

const { START, STOP, KEEP } = PlannedInstance_Action;

interface Cause {
  readonly state: FormationState;
  readonly release: NextRelease;
  readonly movement: Movement;
  /** Of the release. */
  readonly changes: readonly PlannedChange[];
}

/**
 * What becomes of each instance, and why. Which ordinals a rollout gives depends on what gets ready when: those named
 * here are the lowest that are free before it begins.
 */
export function plannedInstances(cause: Cause, factors: readonly FactorChange[]): readonly PlannedInstance[] {
  const living = cause.state.instances.filter((instance) => isWanted(instance) && !instance.spec.oneOff);
  const described = new Set(factors.map(({ process }) => process));
  const gone = [...new Set(living.map(({ spec }) => spec.process))]
    .filter((process) => !described.has(process))
    .map((process) => ({ process, before: 0, after: 0 }));
  return [...factors, ...gone].flatMap((factor) =>
    ofProcess(
      cause,
      factor,
      living
        .filter(({ spec }) => spec.process === factor.process)
        .sort((left, right) => left.spec.ordinal - right.spec.ordinal),
    ),
  );
}

function ofProcess(cause: Cause, factor: FactorChange, living: readonly Instance[]): PlannedInstance[] {
  if (cause.movement.kind === 'none') return living.map((instance) => keep(instance, ''));
  const replaced = cause.movement.kind === 'rollout' ? living.filter((one) => isReplaced(cause, one)) : [];
  const kept = living.filter((instance) => !replaced.includes(instance));
  // What is on its way already is not of this plan's making.
  const coming = cause.movement.kind === 'scale' ? Math.max(0, factor.before - living.length) : 0;
  const wanted = Math.max(0, factor.after - coming);
  const scaled = `scale ${factor.process}: ${factor.before} to ${factor.after}`;
  const surplus = kept.slice(Math.min(kept.length, wanted));
  const why = reasonOf(cause, factor.process);
  const stays = kept.slice(0, kept.length - surplus.length);
  const taken = takenOrdinals(cause, factor.process, stays);
  const missing = Math.max(0, wanted - stays.length);
  const exact = exactStarts(cause, factor.process);
  const starts = lowestFree(taken, missing).map((ordinal, index) => ({
    action: START,
    instance: `${factor.process}.${ordinal}`,
    release: cause.release.name,
    why: cause.movement.kind === 'rollout' && index < factor.before ? why : scaled,
    forecast: index >= exact,
  }));
  return [
    ...stays.map((instance) => keep(instance, '')),
    ...starts,
    ...replaced.map((instance, index) => stop(instance, index < missing ? why : gone(cause, factor, scaled))),
    ...surplus.map((instance) => stop(instance, scaled)),
  ];
}

/** An auxiliary service of the same words is taken over. */
function isReplaced({ state, release }: Cause, { spec }: Instance): boolean {
  if (spec.release === release.name) return false;
  const after = entryOf(release.spec.processes, spec.process);
  if (!after || !isAuxiliary(spec.process)) return true;
  const before = state.releases.find(({ metadata }) => metadata.name === spec.release);
  const was = before && entryOf(before.spec.processes, spec.process);
  return !was || !sameDefinition(was, after);
}

function gone({ release }: Cause, { process }: FactorChange, scaled: string): string {
  return entryOf(release.spec.processes, process) ? scaled : `${release.name} has no process ${process}`;
}

/** The first change that concerns the process: of its own definition, or of what all processes have. */
function reasonOf({ changes, release }: Cause, process: string): string {
  const own = changes.find(({ field }) => field.startsWith(`processes.${process}.`));
  const common = changes.find(
    ({ field }) => !isAuxiliary(process) && (field === 'image' || field.startsWith('config.')),
  );
  const found = own ?? common;
  return found ? `${found.field} changes` : `${release.name} takes over`;
}

/** What has a volume stops before another gets its ordinal; else every ordinal is held until its holder has finished. */
function takenOrdinals(
  { state, release }: Cause,
  process: string,
  stays: readonly Instance[],
): ReadonlySet<number> {
  const hasVolumes = (entryOf(release.spec.processes, process)?.volumes.length ?? 0) > 0;
  const unfinished = ({ spec, status }: Instance) => spec.process === process && !isFinished(status.state);
  const holders = hasVolumes ? stays : state.instances.filter(unfinished);
  return new Set(holders.map(({ spec }) => spec.ordinal));
}

/** Of how many that start the ordinals are known: all that come at once, and all that have theirs by a volume. */
function exactStarts({ movement, release }: Cause, process: string): number {
  const hasVolumes = (entryOf(release.spec.processes, process)?.volumes.length ?? 0) > 0;
  if (movement.kind !== 'rollout' || isAuxiliary(process) || hasVolumes) return Infinity;
  return movement.spec.surge || DEFAULT_SURGE;
}

function lowestFree(taken: ReadonlySet<number>, count: number): readonly number[] {
  const free: number[] = [];
  for (let ordinal = 1; free.length < count; ordinal++) if (!taken.has(ordinal)) free.push(ordinal);
  return free;
}

function keep(instance: Instance, why: string): PlannedInstance {
  return {
    action: KEEP,
    instance: shortName(instance),
    release: instance.spec.release,
    why,
    forecast: false,
  };
}

function stop(instance: Instance, why: string): PlannedInstance {
  return {
    action: STOP,
    instance: shortName(instance),
    release: instance.spec.release,
    why,
    forecast: false,
  };
}
