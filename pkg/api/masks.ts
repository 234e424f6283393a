import { InvalidError } from '../base/errors';
import { quote } from '../resource/names';

/** What an update mask names: whole fields, and single entries of maps. */
export interface Mask {
  /** Whether the field is named, as a whole. */
  has(field: string): boolean;
  /** The entries of the map that are named one by one. */
  entries(field: string): readonly string[];
}

/**
 * Reads an update mask. `fields` may be named as a whole, `maps` of them also by entry (`factors.web`). Undefined for
 * no mask. Throws InvalidError for anything else.
 */
export function readMask(
  paths: readonly string[] | undefined,
  fields: readonly string[],
  maps: readonly string[] = [],
): Mask | undefined {
  if (!paths || paths.length === 0) return undefined;
  const whole = new Set<string>();
  const entries = new Map<string, Set<string>>();
  for (const path of paths) {
    // Names of entries may have dots themselves; those of fields have none.
    const dot = path.indexOf('.');
    const field = dot < 0 ? path : path.slice(0, dot);
    const entry = dot < 0 ? undefined : path.slice(dot + 1);
    if (!fields.includes(field) || (entry !== undefined && (entry === '' || !maps.includes(field)))) {
      const description = `update_mask names ${quote(path)}: use ${[...fields, ...maps.map((map) => `${map}.NAME`)].join(', ')}`;
      throw new InvalidError(description, [{ field: 'update_mask', description }]);
    }
    if (entry === undefined) whole.add(field);
    else entries.set(field, (entries.get(field) ?? new Set()).add(entry));
  }
  return {
    has: (field) => whole.has(field),
    entries: (field) => [...(entries.get(field) ?? [])],
  };
}

/** The map with the named entries as `from` has them: set where they are there, removed where they are not. */
export function mergeEntries<T>(
  into: Readonly<Record<string, T>>,
  from: Readonly<Record<string, T>>,
  names: readonly string[],
): Record<string, T> {
  const merged = new Map(Object.entries(into));
  for (const name of names) {
    const value = Object.hasOwn(from, name) ? from[name] : undefined;
    if (value === undefined) merged.delete(name);
    else merged.set(name, value);
  }
  return Object.fromEntries(merged);
}
