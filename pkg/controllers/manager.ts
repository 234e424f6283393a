import type { Clock } from '../base/clock';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import { followUsage } from '../metrics/follow-usage';
import { Caches } from '../reconcile/caches';
import { Controller } from '../reconcile/controller';
import type { ControllerCounters } from '../reconcile/controller';
import { LeaderLoop } from '../reconcile/leader-loop';
import type { Term } from '../reconcile/leader-loop';
import type { Reconciler } from '../reconcile/reconciler';
import type { Source } from '../reconcile/source';
import { allOrNone } from '../reconcile/together';
import { LeaderWriter } from '../reconcile/writer';
import {
  cronJobs,
  executors,
  formations,
  instances,
  releases,
  rollouts,
  routes,
  scales,
  sessions,
  usages,
  volumes,
} from '../resource/objects';
import { schedule } from '../scheduler/plan';
import type { Schedule } from '../scheduler/types';
import type { Store } from '../store/store';
import { CronReconciler } from './cron/reconciler';
import { EventRecorder } from './event-recorder';
import { ExecutorReconciler } from './executor/reconciler';
import { FormationReconciler } from './formation/reconciler';
import type { Retention } from './garbage/plan';
import { GarbageReconciler } from './garbage/reconciler';
import { RolloutReconciler } from './rollout/reconciler';
import type { ReleaseMetrics } from './rollout/reconciler';
import { trafficOf } from './rollout/traffic';
import { RouteReconciler } from './route/reconciler';
import { SchedulerReconciler } from './scheduler/reconciler';

/** The election that control planes campaign in. */
export const ELECTION = 'controllers';

export interface ControllerManagerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Who leads, when this does: shown to people. */
  readonly identity: string;
  readonly options?: ControllerSettings;
}

export interface ControllerSettings {
  /** How long a dead leader may keep others from leading. Default 4 s. */
  readonly ttlMs?: number;
  /** For how long an executor may have no session before it is lost. Default 10 s. */
  readonly lostAfterMs?: number;
  readonly retention?: Partial<Retention>;
  /** Default pkg/scheduler's. */
  readonly schedule?: Schedule;
  /** Default what executors say. */
  readonly metrics?: ReleaseMetrics;
}

export interface ControllerManagerStatus {
  readonly leading: boolean;
  readonly identity: string;
  /** By controller, of the term that runs; empty while none does. */
  readonly counters: Readonly<Record<string, Readonly<ControllerCounters>>>;
}

/** What the controllers of one term share. */
interface TermParts {
  readonly caches: Caches;
  readonly writer: LeaderWriter;
  readonly events: EventRecorder;
  readonly metrics: ReleaseMetrics;
}

/** All controllers: at most one manager of a stage leads, and only that one runs them. */
export class ControllerManager {
  readonly #options: ControllerManagerOptions;
  readonly #loop: LeaderLoop;
  #controllers: readonly Controller[] = [];

  constructor(options: ControllerManagerOptions) {
    this.#options = options;
    const { store, clock, random, log, identity } = options;
    this.#loop = new LeaderLoop({
      ...{ store, clock, random, log, identity, election: ELECTION },
      ttlMs: options.options?.ttlMs,
      lead: (term, signal) => this.#lead(term, signal),
    });
  }

  /** Campaigns, leads, and campaigns again, until the signal aborts; then resolves, the leadership given up. */
  run(signal: AbortSignal): Promise<void> {
    return this.#loop.run(signal);
  }

  status(): ControllerManagerStatus {
    const counters = Object.fromEntries(this.#controllers.map(({ name, counters: own }) => [name, own]));
    return { leading: this.#loop.leading, identity: this.#options.identity, counters };
  }

  /** One term: everything in it is made anew, so that nothing of an earlier one is left. */
  async #lead(term: Term, signal: AbortSignal): Promise<void> {
    const { store, clock, random, log } = this.#options;
    const kinds = [
      ...[formations, releases, scales, instances, executors, sessions],
      ...[routes, rollouts, cronJobs, volumes, usages],
    ];
    const caches = new Caches({ store, kinds, clock, random, log });
    const writer = new LeaderWriter(store, caches, term.leadership);
    const recorder = new EventRecorder({ store, writer, clock, random, log });
    const usage = term.held.add(followUsage(caches.of(usages), clock));
    const metrics = this.#options.options?.metrics ?? trafficOf(usage.history, clock);
    this.#controllers = this.#make({ caches, writer, events: recorder, metrics });
    term.held.add({ dispose: () => (this.#controllers = []) });
    const control = async (inner: AbortSignal) => {
      await caches.synced(inner);
      await allOrNone(
        this.#controllers.map((controller) => (innermost) => controller.run(innermost)),
        inner,
      );
    };
    await allOrNone([(inner) => caches.run(inner), (inner) => recorder.run(inner), control], signal);
  }

  #make({ caches, writer, events, metrics }: TermParts): Controller[] {
    const { store, clock, random, options = {} } = this.#options;
    const of = {
      formations: caches.of(formations),
      releases: caches.of(releases),
      scales: caches.of(scales),
      instances: caches.of(instances),
      executors: caches.of(executors),
      sessions: caches.of(sessions),
      routes: caches.of(routes),
      rollouts: caches.of(rollouts),
      cronJobs: caches.of(cronJobs),
      volumes: caches.of(volumes),
      usages: caches.of(usages),
    };
    const common = { caches: of, writer, events, clock, random };
    const { lostAfterMs, retention } = options;
    return [
      this.#controller('formation', 4, new FormationReconciler(common)),
      this.#controller(
        'scheduler',
        1,
        new SchedulerReconciler({ ...common, schedule: options.schedule ?? schedule }),
      ),
      this.#controller('cron', 2, new CronReconciler(common)),
      this.#controller('rollout', 4, new RolloutReconciler({ ...common, metrics })),
      this.#controller('route', 1, new RouteReconciler(common)),
      this.#controller('executor', 4, new ExecutorReconciler({ ...common, lostAfterMs })),
      this.#controller('garbage', 1, new GarbageReconciler({ ...common, store, retention })),
    ];
  }

  #controller(
    name: string,
    workers: number,
    reconciler: Reconciler & { readonly sources: readonly Source[] },
  ): Controller {
    const { clock, random, log } = this.#options;
    return new Controller({ name, workers, reconciler, sources: reconciler.sources, clock, random, log });
  }
}
