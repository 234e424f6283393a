import type { Clock } from '../../base/clock';
import { ConflictError } from '../../base/errors';
import type { Random } from '../../base/random';
import type { CacheReader } from '../../reconcile/cache';
import type { Outcome, Reconciler } from '../../reconcile/reconciler';
import type { Source } from '../../reconcile/source';
import { changesOf } from '../../reconcile/source';
import type { Writer } from '../../reconcile/writer';
import { shortName } from '../../resource/instance';
import { instances, scales } from '../../resource/objects';
import type { Executor, Formation, Instance, Release, Scale } from '../../resource/objects';
import type { Guard, ObjectKey, Write } from '../../store/store';
import type { Events } from '../event-recorder';
import { chunks, groupBy } from '../group';
import { FailureTimes } from './failure-times';
import { finished, newInstance, stopped } from './instance-changes';
import { planFormation } from './plan';
import type { FormationPlan } from './plan';
import type { Creation } from './process-plan';

export interface FormationCaches {
  readonly formations: CacheReader<Formation>;
  readonly scales: CacheReader<Scale>;
  readonly releases: CacheReader<Release>;
  readonly instances: CacheReader<Instance>;
  readonly executors: CacheReader<Executor>;
}

export interface FormationReconcilerOptions {
  readonly caches: FormationCaches;
  readonly writer: Writer;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
}

/** Beside a scale's guard and the leadership's. */
const CREATES_PER_TRANSACTION = 98;

/**
 * The keys are formations. That a cache which lags never leads to more instances than are wanted stands on three
 * things: the writer resolves only once the caches show what it wrote; what is created has a name that follows from
 * the view, so that it cannot be created twice; and it is created only if its scale is still the one that was seen.
 */
export class FormationReconciler implements Reconciler {
  readonly #options: FormationReconcilerOptions;
  readonly #failures: FailureTimes;

  constructor(options: FormationReconcilerOptions) {
    this.#options = options;
    this.#failures = new FailureTimes(options.clock);
  }

  get sources(): readonly Source[] {
    const { caches } = this.#options;
    return [
      changesOf(caches.formations, (after, before) => [(after ?? before)?.metadata.name ?? '']),
      changesOf(caches.scales, (after, before) => [(after ?? before)?.metadata.formation ?? '']),
      changesOf(caches.instances, (after, before) => [(after ?? before)?.metadata.formation ?? '']),
      changesOf(caches.executors, (after, before) =>
        after?.spec.draining === before?.spec.draining ? [] : this.#formationsOn(after ?? before),
      ),
    ];
  }

  async reconcile(formation: string, signal: AbortSignal): Promise<Outcome> {
    const { caches, clock } = this.#options;
    const known = caches.instances.list(formation);
    const failures = this.#failures.of(formation, known);
    const plan = planFormation({
      formation: caches.formations.get({ formation: '', name: formation }),
      scales: caches.scales.list(formation),
      releases: caches.releases.list(formation),
      instances: known,
      draining: this.#draining(),
      failedForMs: failures,
      now: new Date(clock.now()),
    });
    await this.#create(formation, plan, signal);
    await this.#change(formation, plan, signal);
    if (plan.waiting.length === 0) return {};
    return { requeueAfterMs: Math.min(...plan.waiting.map(({ delayMs }) => delayMs)) };
  }

  async #create(formation: string, plan: FormationPlan, signal: AbortSignal): Promise<void> {
    const { caches, writer } = this.#options;
    const byRelease = groupBy(plan.creates, (creation) => creation.release);
    const commits = [...byRelease].flatMap(([release, creations]) => {
      const key = { formation, name: release };
      const revision = caches.scales.get(key)?.metadata.revision ?? 0n;
      const guard: Guard = { guard: 'object', kind: scales, key, revision };
      const writes = creations.map((creation) => this.#creation(formation, creation));
      return chunks(writes, CREATES_PER_TRANSACTION).map((chunk) => writer.commit(chunk, [guard], signal));
    });
    const ends = await Promise.allSettled(commits);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    for (const [release, creations] of byRelease) {
      const names = creations.map(({ process, ordinal }) => `${process}.${ordinal}`);
      this.#tell({ formation, name: release }, 'Creates', names);
    }
  }

  #creation(formation: string, creation: Creation): Write {
    const { random, clock } = this.#options;
    const object = newInstance(formation, random.uuid(), creation, new Date(clock.now()));
    return { op: 'create', kind: instances, object };
  }

  /** What is refused has changed: the formation is looked at again. */
  async #change(formation: string, plan: FormationPlan, signal: AbortSignal): Promise<void> {
    const { writer, clock } = this.#options;
    const now = new Date(clock.now());
    const changed = [...plan.stops.map(stopped), ...plan.finishes.map((instance) => finished(instance, now))];
    const writes = [
      ...changed.map((object): Write => ({ op: 'update', kind: instances, object })),
      ...plan.scales.map((object): Write => ({ op: 'update', kind: scales, object })),
    ];
    const refused = await writer.commitEach(writes, [], signal);
    if (refused[0]) throw new ConflictError(refused[0].error.message, { cause: refused[0].error });
    for (const [release, some] of groupBy(changed, (instance) => instance.spec.release))
      this.#tell({ formation, name: release }, 'Stops', some.map(shortName));
  }

  #tell(scale: ObjectKey, reason: string, names: readonly string[]): void {
    const { caches, events } = this.#options;
    const uid = caches.scales.get(scale)?.metadata.uid ?? '';
    const shown = names.length > 10 ? [...names.slice(0, 10), `${names.length - 10} more`] : names;
    const message = `${reason.toLowerCase()} ${shown.join(', ')}`;
    events.record({ ...scale, kind: 'Scale', uid, reason, message });
  }

  #draining(): ReadonlySet<string> {
    const leaving = this.#options.caches.executors.list().filter((executor) => executor.spec.draining);
    return new Set(leaving.map((executor) => executor.metadata.name));
  }

  #formationsOn(executor: Executor | undefined): string[] {
    const { instances: all } = this.#options.caches;
    const there = all.list().filter((instance) => instance.spec.executor === executor?.metadata.name);
    return [...new Set(there.map((instance) => instance.metadata.formation))];
  }
}
