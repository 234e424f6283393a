import { isFinished } from '../../resource/instance';
import type { Instance } from '../../resource/objects';

/** A place for an instance, and who had it last. */
export interface Place {
  readonly ordinal: number;
  readonly last: Instance | undefined;
}

/** Which ordinals of a process are held, one-offs' among them, and by whom last. */
export class Ordinals {
  /** Held by the living, or given out by this plan. */
  readonly #taken = new Set<number>();
  /** The newest holder of each. */
  readonly #last = new Map<number, Instance>();
  #lowest = 1;

  constructor(instances: readonly Instance[]) {
    for (const instance of instances) {
      const { ordinal, incarnation } = instance.spec;
      if (!isFinished(instance.status.state)) this.#taken.add(ordinal);
      const last = this.#last.get(ordinal);
      if (!last || last.spec.incarnation < incarnation) this.#last.set(ordinal, instance);
    }
  }

  takeLowestFree(): Place {
    while (this.#taken.has(this.#lowest)) this.#lowest++;
    return this.#take(this.#lowest);
  }

  /** Undefined while somebody has it. */
  take(ordinal: number): Place | undefined {
    return this.#taken.has(ordinal) ? undefined : this.#take(ordinal);
  }

  #take(ordinal: number): Place {
    this.#taken.add(ordinal);
    return { ordinal, last: this.#last.get(ordinal) };
  }
}
