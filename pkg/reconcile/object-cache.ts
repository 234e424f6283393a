import type { Kind, StoredObject } from '../resource/objects';
import type { ObjectKey } from '../store/store';
import type { CacheReader } from './cache';

export type ChangeListener<T> = (key: ObjectKey, after: T | undefined, before: T | undefined) => void;

/** What happened to one object of the copy; told to the listeners once the whole batch is taken over. */
export interface CacheChange {
  readonly key: ObjectKey;
  readonly after: StoredObject | undefined;
  readonly before: StoredObject | undefined;
}

/** What all caches of one watch have in common: how far the watch has come. */
export interface CacheProgress {
  readonly revision: bigint;
  synced(signal?: AbortSignal): Promise<void>;
}

/** The copy of one kind. Written by Caches only, which keeps several of them at the same revision. */
export class ObjectCache<T extends StoredObject> implements CacheReader<T> {
  /** formation → name → object; a formation without objects has no entry. */
  readonly #objects = new Map<string, Map<string, T>>();
  /** Lists handed out since the last change of what they show. `undefined` is the list of all. */
  readonly #lists = new Map<string | undefined, readonly T[]>();
  readonly #listeners = new Set<ChangeListener<T>>();
  readonly #progress: CacheProgress;

  constructor(
    readonly kind: Kind<T>,
    progress: CacheProgress,
  ) {
    this.#progress = progress;
  }

  get revision(): bigint {
    return this.#progress.revision;
  }

  synced(signal?: AbortSignal): Promise<void> {
    return this.#progress.synced(signal);
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key.formation)?.get(key.name);
  }

  list(formation?: string): readonly T[] {
    let list = this.#lists.get(formation);
    if (!list) {
      const parts = formation === undefined ? [...this.#objects.values()] : [this.#objects.get(formation)];
      list = parts.flatMap((part) => (part ? [...part.values()] : []));
      this.#lists.set(formation, list);
    }
    return list;
  }

  onChange(listener: ChangeListener<T>): { dispose(): void } {
    // Wrapped, so that a listener that subscribes twice is called twice, and ends each subscription by itself.
    const own: ChangeListener<T> = (...change) => listener(...change);
    this.#listeners.add(own);
    return { dispose: () => void this.#listeners.delete(own) };
  }

  /** Takes over one change; undefined when the copy already shows it. */
  apply(key: ObjectKey, after: T | undefined): CacheChange | undefined {
    const before = this.get(key);
    if (before?.metadata.revision === after?.metadata.revision) return undefined;
    if (after) this.#put(key, after);
    else this.#remove(key);
    this.#lists.delete(key.formation);
    this.#lists.delete(undefined);
    return { key, after, before };
  }

  /** Becomes the listed objects and nothing else; the changes that this took. */
  replace(items: readonly T[]): CacheChange[] {
    const changes: (CacheChange | undefined)[] = [];
    const listed = new Map<string, Set<string>>();
    for (const item of items) {
      const { formation, name } = item.metadata;
      const names = listed.get(formation) ?? new Set();
      listed.set(formation, names.add(name));
      changes.push(this.apply({ formation, name }, item));
    }
    for (const item of this.list()) {
      const { formation, name } = item.metadata;
      if (!listed.get(formation)?.has(name)) changes.push(this.apply({ formation, name }, undefined));
    }
    return changes.filter((change) => change !== undefined);
  }

  /** Tells the listeners; what one of them throws goes to `onError`, so that the others still hear of the change. */
  notify(change: CacheChange, onError: (error: unknown) => void): void {
    for (const listener of this.#listeners) {
      try {
        listener(change.key, change.after as T | undefined, change.before as T | undefined);
      } catch (error) {
        onError(error);
      }
    }
  }

  #put(key: ObjectKey, object: T): void {
    const names = this.#objects.get(key.formation) ?? new Map<string, T>();
    this.#objects.set(key.formation, names.set(key.name, object));
  }

  #remove(key: ObjectKey): void {
    const names = this.#objects.get(key.formation);
    names?.delete(key.name);
    if (names?.size === 0) this.#objects.delete(key.formation);
  }
}
