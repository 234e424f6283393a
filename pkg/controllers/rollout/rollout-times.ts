import type { Clock } from '../../base/clock';
import type { Instance, Rollout } from '../../resource/objects';
import { isReady } from '../formation/process-plan';

interface Known {
  readonly rollout: string;
  /** Of the step that was seen last: when it was taken, by whoever took it. */
  readonly stepped: number;
  readonly steppedMs: number;
  /** uid → whether it is ready, and since when that has been so. */
  readonly instances: ReadonlyMap<string, { readonly ready: boolean; readonly sinceMs: number }>;
  /** When the new release was first seen ready. */
  readonly servingMs: number | undefined;
}

/** What has been for how long. */
export interface Times {
  readonly sinceStepMs: number;
  sameForMs(instance: Instance): number;
  /** For how long the new release has had an instance that is ready; undefined where it never had. */
  readonly servingForMs: number | undefined;
}

/**
 * How long things have been as they are, on this leader's own monotonic clock: other clocks can be hours off. A new
 * leader counts from when it began to look, so a rollout takes a little longer then, and nothing goes too early.
 */
export class RolloutTimes {
  readonly #clock: Clock;
  /** By formation; only of those whose rollout is under way. */
  readonly #known = new Map<string, Known>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(rollout: Rollout, instances: readonly Instance[]): Times {
    const nowMs = this.#clock.monotonic();
    const { formation, uid } = rollout.metadata;
    const { to } = rollout.spec;
    const last = this.#known.get(formation);
    const before = last?.rollout === uid ? last : undefined;
    const stepped = rollout.status.stepped?.getTime() ?? 0;
    const own = instances.filter((instance) => instance.spec.release === to);
    const seen = own.map((instance) => {
      const ready = isReady(instance);
      const known = before?.instances.get(instance.metadata.uid);
      return [instance.metadata.uid, known?.ready === ready ? known : { ready, sinceMs: nowMs }] as const;
    });
    const serving = own.some((instance) => instance.spec.oneOff === undefined && isReady(instance));
    const now: Known = {
      rollout: uid,
      stepped,
      steppedMs: before?.stepped === stepped ? before.steppedMs : nowMs,
      instances: new Map(seen),
      servingMs: before?.servingMs ?? (serving ? nowMs : undefined),
    };
    this.#known.set(formation, now);
    return {
      sinceStepMs: nowMs - now.steppedMs,
      sameForMs: ({ metadata }) => nowMs - (now.instances.get(metadata.uid)?.sinceMs ?? nowMs),
      servingForMs: now.servingMs === undefined ? undefined : nowMs - now.servingMs,
    };
  }

  forget(formation: string): void {
    this.#known.delete(formation);
  }
}
