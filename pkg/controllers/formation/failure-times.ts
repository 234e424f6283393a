import type { Clock } from '../../base/clock';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import type { Instance } from '../../resource/objects';

/**
 * Since when failed instances have been known to have failed, on this leader's own monotonic clock: what an executor's
 * clock says can be hours off. A new leader counts from when it began to look.
 */
export class FailureTimes {
  readonly #clock: Clock;
  /** Formation → uid → moment; only of instances that there still are. */
  readonly #since = new Map<string, ReadonlyMap<string, number>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For how long each of the formation's failed instances has been known to have failed. */
  of(formation: string, instances: readonly Instance[]): (instance: Instance) => number {
    const nowMs = this.#clock.monotonic();
    const before = this.#since.get(formation);
    const since = new Map<string, number>();
    for (const { metadata, status } of instances) {
      if (status.state === InstanceState.FAILED) since.set(metadata.uid, before?.get(metadata.uid) ?? nowMs);
    }
    if (since.size > 0) this.#since.set(formation, since);
    else this.#since.delete(formation);
    return (instance) => nowMs - (since.get(instance.metadata.uid) ?? nowMs);
  }
}
