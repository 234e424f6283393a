import type { Kind, StoredObject } from '../../resource/objects';
import { decodeObject } from '../codec';
import { byPlural, parsePath } from '../keys';
import type { Change, WatchOptions } from '../store';
import type { Entry, Version } from './mvcc';

/**
 * Decodes each version once, however many read it. What it gives is frozen: objects are values, and a program that
 * changes one would see in memory what it does not see with etcd.
 */
export class Decoder {
  readonly #decoded = new WeakMap<Version, StoredObject>();

  decode<T extends StoredObject>(kind: Kind<T>, path: string, version: Version): T {
    const known = this.#decoded.get(version);
    if (known) return known as T;
    const object = deepFreeze(decodeObject(kind, path, version.bytes ?? new Uint8Array(), version.revision));
    this.#decoded.set(version, object);
    return object;
  }

  /** What of the transactions a watch is about. */
  changes(entries: readonly Entry[], { kinds, formation }: WatchOptions): Change[] {
    const wanted = byPlural(kinds);
    return entries.flatMap((entry) =>
      entry.changes.flatMap(({ path, version }): Change[] => {
        const parsed = parsePath(path);
        const kind = parsed && wanted.get(parsed.plural);
        if (!kind || (formation !== undefined && parsed.key.formation !== formation)) return [];
        if (!version.bytes) return [{ kind, key: parsed.key }];
        return [{ kind, key: parsed.key, object: this.decode(kind, path, version) }];
      }),
    );
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
