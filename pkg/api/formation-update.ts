import { InvalidError } from '../base/errors';
import type { FormationSpec } from '../gen/gilliam/v1/formation';
import { mergeEntries, readMask } from './masks';

const maps = ['scaling', 'shares', 'imports'] as const;

/** The spec with what the mask names taken from what is asked for. Throws InvalidError for no or a wrong mask. */
export function updatedSpec(
  before: FormationSpec,
  asked: FormationSpec,
  paths: readonly string[] | undefined,
): FormationSpec {
  const mask = readMask(paths, ['limits', ...maps], maps);
  if (!mask) {
    const description = 'update_mask is missing: name what is to change, as limits or scaling.web';
    throw new InvalidError(description, [{ field: 'update_mask', description }]);
  }
  for (const map of maps) {
    const stray = Object.keys(asked[map]).find((name) => !mask.has(map) && !mask.entries(map).includes(name));
    if (stray === undefined) continue;
    const description = `formation.spec.${map} has ${stray}, and update_mask does not name ${map}.${stray}: add it there`;
    throw new InvalidError(description, [{ field: 'update_mask', description }]);
  }
  const merged = <T>(map: (typeof maps)[number], from: Record<string, T>, into: Record<string, T>) =>
    mask.has(map) ? from : mergeEntries(into, from, mask.entries(map));
  return {
    limits: mask.has('limits') ? asked.limits : before.limits,
    scaling: merged('scaling', asked.scaling, before.scaling),
    shares: merged('shares', asked.shares, before.shares),
    imports: merged('imports', asked.imports, before.imports),
  };
}
