import type { Disposable } from '../base/disposable';
import type { StoredObject } from '../resource/objects';
import type { CacheReader } from './cache';

/** Where a controller's keys come from: enqueues those that there are now, then those that change, until disposed. */
export type Source = (enqueue: (key: string) => void) => Disposable;

/** The keys that an object's change concerns; for objects that are there already, `before` is absent. */
export type KeysOf<T> = (after: T | undefined, before: T | undefined) => readonly string[];

/** A source of the objects of a cache. */
export function changesOf<T extends StoredObject>(cache: CacheReader<T>, keysOf: KeysOf<T>): Source {
  return (enqueue) => {
    const subscription = cache.onChange((_, after, before) => keysOf(after, before).forEach(enqueue));
    for (const object of cache.list()) keysOf(object, undefined).forEach(enqueue);
    return subscription;
  };
}
