import { isDeepStrictEqual } from 'node:util';
import { formations, releases } from '../../../resource/objects';
import type { Formation, Release } from '../../../resource/objects';
import type { StoreChange } from '../history';
import type { World } from '../world';
import type { Check, Violate } from './check';

/** Invariant 4: a release never changes; its number is never used twice in the life of its formation. */
export class ReleaseCheck implements Check {
  readonly #world: World;
  readonly #violate: Violate;
  /** `<formation's uid> v1` */
  readonly #numbers = new Set<string>();

  constructor(world: World, violate: Violate) {
    this.#world = world;
    this.#violate = violate;
  }

  onChange({ kind, key, path, object, before }: StoreChange): void {
    if (kind === (formations as unknown)) {
      const [last, next] = [before, object].map(
        (each) => (each as Formation | undefined)?.status.lastRelease,
      );
      if (last !== undefined && next !== undefined && next < last) {
        this.#violate(4, `${path} counts releases back, from ${last} to ${next}`);
      }
    }
    if (kind !== (releases as unknown) || !object) return;
    const after = object as Release;
    if (before) {
      if (!isDeepStrictEqual((before as Release).spec, after.spec)) this.#violate(4, `${path} has changed`);
      return;
    }
    const owner = this.#world.history.get(formations, '', key.formation)?.metadata.uid;
    const number = `${owner} ${key.name}`;
    if (this.#numbers.has(number)) this.#violate(4, `${path} was used before`);
    this.#numbers.add(number);
  }
}
