import { ExhaustedError, PreconditionError } from '../base/errors';
import { isAuxiliary } from './auxiliary';
import { MAX_INSTANCES } from './bounds';
import { DEFAULT_MAX_INSTANCES } from './defaults';
import { entryOf } from './entries';
import { quote } from './names';
import type { Formation, Release, Scale } from './objects';
import { formatCount } from './quantity';
import { suggestion } from './suggest';
import { Violations } from './violations';

export interface ScaleChange {
  readonly formation: Formation;
  /** The release that is scaled. */
  readonly release: Release;
  /** All scales of the formation as they are now, that of the release included. */
  readonly scales: readonly Scale[];
  /** The factors that the request names. */
  readonly named: Readonly<Record<string, number>>;
  /** All factors of the release as they will be. */
  readonly factors: Readonly<Record<string, number>>;
}

/**
 * Throws PreconditionError for a release without an image, InvalidError for an unknown process or an impossible
 * factor, ExhaustedError when the formation would have more instances than it may.
 */
export function validateScale(change: ScaleChange): void {
  const { release, named } = change;
  const without = Object.keys(named).find((name) => !hasImage(release, name));
  if (without !== undefined) {
    throw new PreconditionError(`${release.metadata.name} has no image: gilliam deploy first`);
  }
  const found = new Violations();
  const known = Object.keys(release.spec.processes);
  for (const [process, factor] of Object.entries(named)) {
    const field = `scale.spec.factors.${process}`;
    found.require(
      entryOf(release.spec.processes, process) !== undefined,
      field,
      () => `${release.metadata.name} has no process ${quote(process)}: ${suggestion(process, known)}`,
    );
    found.range(factor, { least: 0, most: MAX_INSTANCES }, field, { what: `scale factor of ${process}` });
    checkData(release, process, factor, { field, found });
  }
  found.throwIfAny();
  checkLimit(change);
}

function hasImage({ spec }: Release, process: string): boolean {
  return spec.image !== '' || (entryOf(spec.processes, process)?.image ?? '') !== '';
}

/** Several instances of one database, each with data of its own, would answer with now the one's and now the other's. */
function checkData(
  { spec }: Release,
  process: string,
  factor: number,
  { field, found }: { readonly field: string; readonly found: Violations },
): void {
  const volumes = (isAuxiliary(process) && entryOf(spec.processes, process)?.volumes) || [];
  found.require(
    factor <= 1 || volumes.length === 0,
    field,
    () =>
      `${process} has the volume ${quote(volumes[0]?.name ?? '')}, and ${formatCount(factor)} instances would each keep data of their own in it: scale it to 1, or leave the volume out`,
  );
}

/** How many instances the formation may have. */
export function maxInstancesOf(formation: Formation): number {
  return formation.spec.limits?.maxInstances || DEFAULT_MAX_INSTANCES;
}

// Scaling down is always allowed: a limit that was lowered must not keep anybody from getting below it.
function checkLimit({ formation, release, scales, factors }: ScaleChange): void {
  const elsewhere = scales.filter((scale) => scale.metadata.name !== release.metadata.name);
  const before = sum(scales.map((scale) => scale.spec.factors));
  const after = sum([...elsewhere.map((scale) => scale.spec.factors), factors]);
  const most = maxInstancesOf(formation);
  if (after <= most || after <= before) return;
  throw new ExhaustedError(
    `${formation.metadata.name} would have ${formatCount(after)} instances, over its limit of ${formatCount(most)}: scale something down, or raise the formation's limit`,
  );
}

function sum(factors: readonly Readonly<Record<string, number>>[]): number {
  return factors.flatMap((each) => Object.values(each)).reduce((total, factor) => total + factor, 0);
}
