import { isDeepStrictEqual } from 'node:util';
import type { CacheReader } from '../../reconcile/cache';
import { isAuxiliary } from '../../resource/auxiliary';
import { entryOf } from '../../resource/entries';
import type { Formation, Instance } from '../../resource/objects';

/** What a task says that neither its instance nor its release does, and that may change under it. */
export interface Surroundings {
  /** Formations that may use the service, which is an auxiliary one, beside its own. */
  readonly sharedWith: readonly string[];
  /** The formation's names for services of others. */
  readonly imports: Readonly<Record<string, string>>;
}

export const noSurroundings: Surroundings = { sharedWith: [], imports: {} };

export function surroundingsOf(
  { metadata, spec }: Instance,
  formations: Pick<CacheReader<Formation>, 'get'>,
): Surroundings {
  const formation = formations.get({ formation: '', name: metadata.formation });
  if (!formation) return noSurroundings;
  const { shares, imports } = formation.spec;
  const sharedWith = isAuxiliary(spec.process) ? (entryOf(shares, spec.process)?.with ?? []) : [];
  return { sharedWith, imports };
}

/** Another text for other surroundings; empty for none. */
export function surroundingsVersion({ sharedWith, imports }: Surroundings): string {
  const imported = Object.entries(imports);
  if (sharedWith.length === 0 && imported.length === 0) return '';
  return JSON.stringify([[...sharedWith].sort(), imported.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Whether a formation's change is one of what its instances' tasks say. */
export function changesSurroundings(after: Formation | undefined, before: Formation | undefined): boolean {
  if (!after || !before) return after !== before;
  const { shares, imports } = after.spec;
  return !isDeepStrictEqual(shares, before.spec.shares) || !isDeepStrictEqual(imports, before.spec.imports);
}
