import type { Clock } from '../../base/clock';
import type { Random } from '../../base/random';
import type { CacheReader } from '../../reconcile/cache';
import type { Outcome, Reconciler } from '../../reconcile/reconciler';
import type { Source } from '../../reconcile/source';
import { changesOf } from '../../reconcile/source';
import type { Writer } from '../../reconcile/writer';
import { formations, rollouts, scales } from '../../resource/objects';
import type { Formation, Instance, Release, Rollout, Scale, Usage } from '../../resource/objects';
import { isUnderWay, ROLLOUT } from '../../resource/rollout';
import type { Guard, Write } from '../../store/store';
import type { Events } from '../event-recorder';
import type { ReleaseTraffic } from './fleet';
import { planRollout } from './plan';
import { RolloutTimes } from './rollout-times';
import type { RolloutPlan } from './step';

/** What was asked of a formation's releases during the last `windowMs`. */
export type ReleaseMetrics = (formation: string, windowMs: number) => readonly ReleaseTraffic[];

export interface RolloutReconcilerOptions {
  readonly caches: {
    readonly formations: CacheReader<Formation>;
    readonly rollouts: CacheReader<Rollout>;
    readonly releases: CacheReader<Release>;
    readonly scales: CacheReader<Scale>;
    readonly instances: CacheReader<Instance>;
    /** When these change, requests may have to be judged anew. */
    readonly usages: CacheReader<Usage>;
  };
  readonly metrics: ReleaseMetrics;
  readonly writer: Writer;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * The keys are formations. Factors and status are one transaction, so that whoever goes on after a crash finds either
 * the whole step or none of it; all that a step is decided on is in the store, but for the time that things have taken.
 */
export class RolloutReconciler implements Reconciler {
  readonly #options: RolloutReconcilerOptions;
  readonly #times: RolloutTimes;

  constructor(options: RolloutReconcilerOptions) {
    this.#options = options;
    this.#times = new RolloutTimes(options.clock);
  }

  get sources(): readonly Source[] {
    const { caches } = this.#options;
    const concerned = (formation: string | undefined) =>
      formation !== undefined && this.#underWay(formation) ? [formation] : [];
    return [
      changesOf(caches.rollouts, (after, before) => [(after ?? before)?.metadata.formation ?? '']),
      changesOf(caches.formations, (after, before) => concerned((after ?? before)?.metadata.name)),
      changesOf(caches.scales, (after, before) => concerned((after ?? before)?.metadata.formation)),
      changesOf(caches.instances, (after, before) => concerned((after ?? before)?.metadata.formation)),
      changesOf(caches.usages, (after) =>
        after ? after.traffic.flatMap(({ formation }) => concerned(formation)) : [],
      ),
    ];
  }

  async reconcile(formation: string, signal: AbortSignal): Promise<Outcome> {
    const { caches, writer, metrics, clock } = this.#options;
    const rollout = caches.rollouts.get({ formation, name: ROLLOUT });
    const owner = caches.formations.get({ formation: '', name: formation });
    if (!rollout || !isUnderWay(rollout) || !owner || owner.metadata.deleted) {
      this.#times.forget(formation);
      if (rollout && (!owner || owner.metadata.deleted)) await this.#end(rollout, signal);
      return {};
    }
    const instances = caches.instances.list(formation);
    const times = this.#times.of(rollout, instances);
    const { servingForMs, ...rest } = times;
    const plan = planRollout({
      rollout,
      instances,
      ...rest,
      releases: caches.releases.list(formation),
      scales: caches.scales.list(formation),
      traffic: servingForMs === undefined ? [] : metrics(formation, servingForMs),
      now: new Date(clock.now()),
    });
    await writer.commit(this.#writes(rollout, plan), [unchanged(owner)], signal);
    this.#tell(rollout, plan);
    return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs };
  }

  #writes(rollout: Rollout, plan: RolloutPlan): Write[] {
    const { clock, random } = this.#options;
    const writes = plan.scales.map((scale): Write => {
      if (scale.metadata.revision > 0n) return { op: 'update', kind: scales, object: scale };
      const metadata = { ...scale.metadata, uid: random.uuid(), created: new Date(clock.now()) };
      return { op: 'create', kind: scales, object: { ...scale, metadata } };
    });
    if (!plan.status && writes.length === 0) return [];
    // Written with every step, also where nothing of it is different: a step on an old view is refused so.
    const object = { ...rollout, status: plan.status ?? rollout.status };
    return [...writes, { op: 'update', kind: rollouts, object }];
  }

  /** With its formation: nobody is left to be told. */
  async #end({ metadata: { formation, name, revision } }: Rollout, signal: AbortSignal): Promise<void> {
    const write: Write = { op: 'delete', kind: rollouts, key: { formation, name }, revision };
    await this.#options.writer.commit([write], [], signal);
  }

  #tell({ metadata, spec }: Rollout, { told }: RolloutPlan): void {
    const { caches, events } = this.#options;
    const key = { formation: metadata.formation, name: spec.to };
    const uid = caches.releases.get(key)?.metadata.uid ?? '';
    for (const { reason, message, warning } of told)
      events.record({ ...key, kind: 'Release', uid, reason, message, warning });
  }

  #underWay(formation: string): boolean {
    const rollout = this.#options.caches.rollouts.get({ formation, name: ROLLOUT });
    return rollout !== undefined && isUnderWay(rollout);
  }
}

/** A deletion that is asked for at this moment ends the rollout, not the other way round. */
function unchanged({ metadata: { name, revision } }: Formation): Guard {
  return { guard: 'object', kind: formations, key: { formation: '', name }, revision };
}
