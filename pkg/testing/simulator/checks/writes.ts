import { isDeepStrictEqual } from 'node:util';
import type { InstanceReport } from '../../../gen/gilliam/v1/session_service';
import { mayBecome } from '../../../resource/instance';
import type { Kind, StoredObject } from '../../../resource/objects';
import { decodeObject, encodeObject } from '../../../store/codec';
import type { World } from '../world';
import type { Check, Violate } from './check';

/** Invariant 5: an acknowledged write is never lost, and a conflicting one is refused, not merged silently. */
export class WritesCheck implements Check {
  readonly #world: World;
  readonly #violate: Violate;

  constructor(world: World, violate: Violate) {
    this.#world = world;
    this.#violate = violate;
  }

  /** What a user was told to be written is what the store has at that revision, as users are shown it. */
  acknowledged<T extends StoredObject>(kind: Kind<T>, told: T, shown = (written: T) => written): void {
    const { metadata } = told;
    const written = this.#world.history.written(kind, metadata, metadata.revision);
    const what = `${kind.name} ${metadata.formation}/${metadata.name}`;
    if (!written) this.#violate(5, `${what} was acknowledged at ${metadata.revision}, and is not there`);
    else if (!isDeepStrictEqual(stored(kind, shown(written as T)), stored(kind, told))) {
      this.#violate(5, `${what} was acknowledged, and something else was written`);
    }
  }

  /** Of several who change the same version of an object, one is told that it did. */
  onlyOne(what: string, acknowledgements: number): void {
    if (acknowledgements > 1) this.#violate(5, `${acknowledgements} changed the same version of ${what}`);
  }

  /** What an executor was told to be written down is known, or something later. */
  onAcknowledged(reports: readonly InstanceReport[]): void {
    for (const { formation, name, uid, status } of reports) {
      const record = this.#world.history.instance(uid);
      if (!status || !record || record.deleted) continue;
      const { state } = record.instance.status;
      if (mayBecome(status.state, state) || mayBecome(state, status.state) === false) continue;
      this.#violate(5, `${formation}/${name} was acknowledged to be ${status.state}, and is ${state}`);
    }
  }
}

/** As the store gives it back. */
function stored<T extends StoredObject>(kind: Kind<T>, object: T): T {
  return decodeObject(kind, '', encodeObject(kind, object), object.metadata.revision);
}
