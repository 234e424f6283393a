import { InternalError, InvalidError } from '../base/errors';
import type { Kind, StoredObject } from '../resource/objects';
import type { ListOptions, ObjectKey } from './store';

/** Stands for "of no formation" in a path. No formation can have this name. */
const noFormation = '-';

// Printable ASCII without `/`: then the order of strings and that of bytes are the same.
const segment = /^[!-.0-~]+$/;

/** Where an object is kept below its stage: `<plural>/<formation or ->/<name>`. */
export function pathOf(kind: Kind<StoredObject>, key: ObjectKey): string {
  if (!segment.test(key.name))
    throw new InternalError(`${kind.name} "${key.name}": not a name for the store`);
  if (!kind.formationScoped && key.formation !== '')
    throw new InternalError(
      `${kind.name} "${key.name}": belongs to no formation, but "${key.formation}" is given`,
    );
  return `${scopeOf(kind, key.formation)}${key.name}`;
}

/** The common start of the paths of a kind's objects, or of those of one formation. */
export function scopeOf(kind: Kind<StoredObject>, formation?: string): string {
  if (formation === undefined) return `${kind.plural}/`;
  if (formation === '') return `${kind.plural}/${noFormation}/`;
  if (formation === noFormation || !segment.test(formation))
    throw new InternalError(`formation "${formation}": not a name for the store`);
  return `${kind.plural}/${formation}/`;
}

/** The parts of a path; undefined when it is none of an object. */
export function parsePath(path: string): { plural: string; key: ObjectKey } | undefined {
  const [plural, formation, name, ...rest] = path.split('/');
  if (!plural || !formation || !name || rest.length > 0) return undefined;
  return { plural, key: { formation: formation === noFormation ? '' : formation, name } };
}

/** The first string after all that start with the prefix. */
export function endOfPrefix(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

/** The first string after this one. */
function next(path: string): string {
  return `${path}\0`;
}

/** The paths of a list, from `start` to before `end`. */
export function rangeOf(kind: Kind<StoredObject>, options: ListOptions): { start: string; end: string } {
  if (options.limit !== undefined && options.limit < 1)
    throw new InvalidError(`a list of at most ${options.limit}`);
  const scope = scopeOf(kind, options.formation);
  const after = options.after ? next(pathOf(kind, options.after)) : scope;
  const end = endOfPrefix(scope);
  // After a key of another formation than the one that is listed: all of it, or nothing.
  return { start: after < scope ? scope : after > end ? end : after, end };
}

/** What people call the object in an error: `Instance hello/web-1-1`. */
export function nameOf(kind: Kind<StoredObject>, key: ObjectKey): string {
  return `${kind.name} ${key.formation ? `${key.formation}/` : ''}${key.name}`;
}

/** The kinds by what their paths begin with. */
export function byPlural(kinds: readonly Kind<StoredObject>[]): ReadonlyMap<string, Kind<StoredObject>> {
  return new Map(kinds.map((kind) => [kind.plural, kind]));
}
