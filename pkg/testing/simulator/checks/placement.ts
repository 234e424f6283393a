import { mayBecome } from '../../../resource/instance';
import { instances } from '../../../resource/objects';
import type { Instance } from '../../../resource/objects';
import type { StoreChange } from '../history';
import type { Check, Violate } from './check';

/** Invariant 1: an instance is assigned at most once, and never moves. Nor does its state. */
export class PlacementCheck implements Check {
  readonly #violate: Violate;
  /** Name → uid: names are not used twice. */
  readonly #uids = new Map<string, string>();

  constructor(violate: Violate) {
    this.#violate = violate;
  }

  onChange({ kind, path, object, before }: StoreChange): void {
    if (kind !== (instances as unknown) || !object) return;
    const after = object as Instance;
    if (before) return this.#compare(before as Instance, after);
    const { uid } = after.metadata;
    if (after.spec.executor !== '') this.#violate(1, `${path} was made with an executor`);
    if (this.#uids.has(uid)) this.#violate(1, `${path} has the uid of ${this.#uids.get(uid)}`);
    this.#uids.set(uid, path);
  }

  #compare(before: Instance, after: Instance): void {
    const what = `${after.metadata.formation}/${after.metadata.name}`;
    const [from, to] = [before.spec.executor, after.spec.executor];
    if (from !== '' && from !== to) this.#violate(1, `${what} moved from ${from} to ${to || 'nowhere'}`);
    if (before.metadata.uid !== after.metadata.uid) this.#violate(1, `${what} became another instance`);
    if (!mayBecome(before.status.state, after.status.state)) {
      this.#violate(1, `${what} went back from ${before.status.state} to ${after.status.state}`);
    }
  }
}
