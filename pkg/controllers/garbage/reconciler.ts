import type { Clock } from '../../base/clock';
import { ConflictError } from '../../base/errors';
import type { Random } from '../../base/random';
import { ExecutorState } from '../../gen/gilliam/v1/executor';
import type { CacheReader } from '../../reconcile/cache';
import type { Outcome, Reconciler } from '../../reconcile/reconciler';
import type { Source } from '../../reconcile/source';
import { changesOf } from '../../reconcile/source';
import type { Writer } from '../../reconcile/writer';
import { isFinished } from '../../resource/instance';
import {
  cronJobs,
  events,
  formations,
  instances,
  releases,
  rollouts,
  routes,
  scales,
  volumes,
} from '../../resource/objects';
import type {
  CronJob,
  Executor,
  Formation,
  Instance,
  Kind,
  Release,
  Rollout,
  Scale,
  StoredObject,
  Volume,
} from '../../resource/objects';
import { claimant, routeClaims } from '../../resource/route-claim';
import type { Store, Write } from '../../store/store';
import { defaultRetention, isOver, planEvents, planInstances, planVolumes } from './plan';
import type { Retention } from './plan';

export interface GarbageReconcilerOptions {
  readonly caches: {
    readonly formations: CacheReader<Formation>;
    readonly scales: CacheReader<Scale>;
    readonly releases: CacheReader<Release>;
    readonly instances: CacheReader<Instance>;
    readonly rollouts: CacheReader<Rollout>;
    readonly cronJobs: CacheReader<CronJob>;
    readonly volumes: CacheReader<Volume>;
    readonly executors: CacheReader<Executor>;
  };
  /** For events, which are too many to keep a copy of, and routes, which are few and seldom forgotten. */
  readonly store: Pick<Store, 'list'>;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly random: Random;
  readonly retention?: Partial<Retention>;
}

/** How often a formation's events are looked through. */
const SWEEP_MS = 600_000;
/** When to look for events that were written late, of a formation that is gone. */
const LATE_MS = 60_000;

/** The keys are formations; the empty one stands for the events of executors. Forgets what is not needed any more. */
export class GarbageReconciler implements Reconciler {
  readonly #options: GarbageReconcilerOptions;
  readonly #retention: Retention;
  /** When each formation's events are looked through next, on the monotonic clock. */
  readonly #nextSweepMs = new Map<string, number>();

  constructor(options: GarbageReconcilerOptions) {
    this.#options = options;
    this.#retention = { ...defaultRetention, ...options.retention };
  }

  get sources(): readonly Source[] {
    const { caches } = this.#options;
    return [
      (enqueue) => {
        enqueue('');
        return { dispose() {} };
      },
      changesOf(caches.formations, (after, before) => [(after ?? before)?.metadata.name ?? '']),
      changesOf(caches.instances, (after) =>
        after && isFinished(after.status.state) ? [after.metadata.formation] : [],
      ),
      changesOf(caches.volumes, (after, before) => [(after ?? before)?.metadata.formation ?? '']),
      changesOf(caches.executors, (after) =>
        after?.status.state === ExecutorState.LOST ? this.#deletedOn(after.metadata.name) : [],
      ),
    ];
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { caches, clock } = this.#options;
    const formation = caches.formations.get({ formation: '', name: key });
    const known = key === '' ? [] : caches.instances.list(key);
    if (key !== '' && isOver(formation, known)) {
      // Its volumes first: as long as there is one, its executor has to delete it.
      if (await this.#volumesGone(key, formation, signal))
        return this.#forgetFormation(key, formation, signal);
      return {};
    }
    const plan = planInstances(known, this.#retention, new Date(clock.now()));
    await this.#delete(instances, plan.forget, signal);
    const sweepAfterMs = await this.#sweep(key, signal);
    return { requeueAfterMs: Math.min(plan.requeueAfterMs ?? Infinity, sweepAfterMs) };
  }

  /** Has what is left of a formation's volumes deleted; whether nothing is. */
  async #volumesGone(key: string, formation: Formation | undefined, signal: AbortSignal): Promise<boolean> {
    const { caches, writer } = this.#options;
    const known = caches.volumes.list(key);
    const { ask, forget } = planVolumes(formation, known, (executor) => this.#isLost(executor));
    const asked = ask.map((object): Write => ({ op: 'update', kind: volumes, object }));
    const refused = await writer.commitEach(asked, [], signal);
    if (refused[0]) throw new ConflictError(refused[0].error.message, { cause: refused[0].error });
    await this.#delete(volumes, forget, signal);
    return known.length === forget.length;
  }

  #isLost(name: string): boolean {
    const executor = this.#options.caches.executors.get({ formation: '', name });
    return !executor || executor.status.state === ExecutorState.LOST;
  }

  /** The formations that wait for volumes there. */
  #deletedOn(executor: string): string[] {
    const doomed = this.#options.caches.volumes.list().filter(({ metadata, spec }) => {
      return spec.executor === executor && metadata.deleted;
    });
    return [...new Set(doomed.map(({ metadata }) => metadata.formation))];
  }

  /** All that belongs to it, and it last: as long as it is there, it is known that something is left to forget. */
  async #forgetFormation(
    key: string,
    formation: Formation | undefined,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { caches, store } = this.#options;
    await this.#delete(cronJobs, caches.cronJobs.list(key), signal);
    await this.#delete(rollouts, caches.rollouts.list(key), signal);
    await this.#delete(instances, caches.instances.list(key), signal);
    await this.#delete(scales, caches.scales.list(key), signal);
    await this.#delete(releases, caches.releases.list(key), signal);
    await this.#delete(routes, (await store.list(routes, { formation: key }, signal)).items, signal);
    const claims = (await store.list(routeClaims, {}, signal)).items;
    await this.#delete(
      routeClaims,
      claims.filter((claim) => claimant(claim).formation === key),
      signal,
    );
    await this.#delete(events, (await store.list(events, { formation: key }, signal)).items, signal);
    if (formation) await this.#delete(formations, [formation], signal);
    return this.#nextSweepMs.delete(key) ? { requeueAfterMs: LATE_MS } : {};
  }

  /** Forgets old events when it is time to; when it is next time. */
  async #sweep(key: string, signal: AbortSignal): Promise<number> {
    const { store, clock, random } = this.#options;
    const nowMs = clock.monotonic();
    // The first at a moment of chance, so that not all are looked through at once when a term begins.
    const dueMs = this.#nextSweepMs.get(key) ?? nowMs + random.next() * SWEEP_MS;
    this.#nextSweepMs.set(key, dueMs);
    if (nowMs < dueMs) return dueMs - nowMs;
    const { items } = await store.list(events, { formation: key }, signal);
    await this.#delete(events, planEvents(items, this.#retention, new Date(clock.now())), signal);
    this.#nextSweepMs.set(key, nowMs + SWEEP_MS);
    return SWEEP_MS;
  }

  async #delete<T extends StoredObject>(
    kind: Kind<T>,
    objects: readonly T[],
    signal: AbortSignal,
  ): Promise<void> {
    const writes = objects.map(({ metadata: { formation, name, revision } }): Write => {
      return { op: 'delete', kind, key: { formation, name }, revision };
    });
    const refused = await this.#options.writer.commitEach(writes, [], signal);
    // An event that happened again meanwhile is one to keep.
    if (refused[0] && kind.name !== events.name) {
      throw new ConflictError(refused[0].error.message, { cause: refused[0].error });
    }
  }
}
