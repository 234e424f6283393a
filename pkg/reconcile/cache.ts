import type { Kind, StoredObject } from '../resource/objects';
import type { ObjectKey } from '../store/store';

/**
 * A copy of all objects of one kind, kept in step with the store: list, watch from the next revision, list again on
 * any doubt. Stale at times, never wrong for ever; decisions made on it are checked by the revisions they are
 * written with.
 */
export interface CacheReader<T extends StoredObject> {
  readonly kind: Kind<T>;
  get(key: ObjectKey): T | undefined;
  /** All objects, or those of a formation. The same array until something changes. */
  list(formation?: string): readonly T[];
  /** The store's revision that the copy has come to. */
  readonly revision: bigint;
  /** Resolves once the first list has been taken over. */
  synced(signal?: AbortSignal): Promise<void>;
  /**
   * Calls back for each object that was put or deleted (`after` absent), the copy already changed. Only enqueue in it:
   * what it throws would stop everybody. Returns the end of the subscription.
   */
  onChange(listener: (key: ObjectKey, after: T | undefined, before: T | undefined) => void): {
    dispose(): void;
  };
}
