import type { Watched } from '../watcher';
import { nameOf, watchedKinds } from '../watcher';
import type { World } from '../world';
import type { Check, Violate } from './check';

/** Invariant 8: a watcher sees every change, in order, or is told to list again. */
export class WatchCheck implements Check {
  readonly #world: World;
  readonly #violate: Violate;

  constructor(world: World, violate: Violate) {
    this.#world = world;
    this.#violate = violate;
  }

  onWatched({ after, revision, changes }: Watched): void {
    if (revision < after) this.#violate(8, `a watch went back from ${after} to ${revision}`);
    const kinds = new Set(watchedKinds.map(({ name }) => name));
    const happened = this.#world.history
      .between(after, revision)
      .filter(({ kind }) => kinds.has(kind.name))
      .map(({ kind, key, object }) => `${nameOf(kind.name, key)} ${object?.metadata.revision ?? 'gone'}`);
    const missed = happened.find((change, index) => changes[index] !== change);
    if (missed) this.#violate(8, `a watch from ${after} to ${revision} did not tell of ${missed}`);
    else if (changes.length > happened.length) {
      this.#violate(
        8,
        `a watch from ${after} to ${revision} told of ${changes[happened.length]}, which was not`,
      );
    }
  }
}
