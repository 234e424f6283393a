import { formations } from '../../../resource/objects';
import type { Kind, StoredObject } from '../../../resource/objects';
import type { Store, Write } from '../../../store/store';
import { altered } from '../altered';

type Op = 'create' | 'update';

/** A store that writes other objects of the kind than it is asked to; or none, and says that it did. */
export function rewriting<T extends StoredObject>(
  kind: Kind<T>,
  op: Op,
  rewrite: (object: T) => T | undefined,
): (store: Store) => Store {
  const rewritten = (write: Write): Write | readonly Write[] => {
    if (write.op !== op || write.kind !== (kind as unknown)) return write;
    const object = rewrite(write.object as T);
    return object ? { ...write, object } : [];
  };
  return (store) =>
    altered(store, {
      commit: async (writes, guards, signal) => {
        const left = writes.flatMap(rewritten);
        if (left.length > 0) return store.commit(left, guards, signal);
        return (await store.list(formations, { limit: 1 }, signal)).revision;
      },
    });
}

/** The objects of the kind that are written so. */
export function writtenTo<T extends StoredObject>(
  kind: Kind<T>,
  writes: readonly Write[],
  op: Op,
): readonly T[] {
  return writes.flatMap((write) =>
    write.op === op && write.kind === (kind as unknown) ? [write.object as T] : [],
  );
}
