import type { Clock } from '../../base/clock';
import { ExecutorState } from '../../gen/gilliam/v1/executor';
import type { CacheReader } from '../../reconcile/cache';
import type { Outcome, Reconciler } from '../../reconcile/reconciler';
import type { Source } from '../../reconcile/source';
import { changesOf } from '../../reconcile/source';
import type { Writer } from '../../reconcile/writer';
import { ENGINE_SILENT } from '../../resource/executor-reason';
import { shortName } from '../../resource/instance';
import { executors, instances, sessions } from '../../resource/objects';
import type { Executor, Instance, Session } from '../../resource/objects';
import type { Guard, Write } from '../../store/store';
import type { Events } from '../event-recorder';
import { chunks } from '../group';
import { planExecutor } from './plan';

export interface ExecutorReconcilerOptions {
  readonly caches: {
    readonly executors: CacheReader<Executor>;
    readonly sessions: CacheReader<Session>;
    readonly instances: CacheReader<Instance>;
  };
  readonly writer: Writer;
  readonly events: Events;
  readonly clock: Clock;
  /** For how long an executor may have no session. Default 10 s. */
  readonly lostAfterMs?: number;
}

/** Beside the guard that there is no session and that of the leadership. */
const LOST_PER_TRANSACTION = 98;

/** The keys are executors. */
export class ExecutorReconciler implements Reconciler {
  readonly #options: ExecutorReconcilerOptions;
  /**
   * Since when there is no session, of executors that have none: on this leader's monotonic clock, so from the
   * beginning of its term at the earliest. What happened before, and how long nobody looked, it cannot know. It may have
   * been back between two looks: then its last session is another.
   */
  readonly #goneSince = new Map<string, { readonly last: bigint; readonly sinceMs: number }>();

  constructor(options: ExecutorReconcilerOptions) {
    this.#options = options;
  }

  get sources(): readonly Source[] {
    const { caches } = this.#options;
    return [
      changesOf(caches.executors, (after, before) => [(after ?? before)?.metadata.name ?? '']),
      changesOf(caches.sessions, (after, before) => [(after ?? before)?.metadata.name ?? '']),
      // One that was placed there just before the executor was declared lost.
      changesOf(caches.instances, (after, before) =>
        after && after.spec.executor !== (before?.spec.executor ?? '') ? [after.spec.executor] : [],
      ),
    ];
  }

  async reconcile(name: string, signal: AbortSignal): Promise<Outcome> {
    const { caches, clock, lostAfterMs = 10_000 } = this.#options;
    const key = { formation: '', name };
    const executor = caches.executors.get(key);
    const session = caches.sessions.get(key);
    // While it is connected nothing of it can be lost.
    const placed = session
      ? []
      : caches.instances.list().filter((instance) => instance.spec.executor === name);
    if (session || (!executor && placed.length === 0)) this.#goneSince.delete(name);
    if (!executor && placed.length === 0) return {};
    const plan = planExecutor({
      executor,
      session,
      goneForMs: session ? 0 : this.#goneForMs(name, executor?.status.session ?? 0n),
      lostAfterMs,
      instances: placed,
      now: new Date(clock.now()),
    });
    if (plan.executor) await this.#change(plan.executor, signal);
    await this.#lose(name, plan.lost, signal);
    return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs };
  }

  #goneForMs(name: string, last: bigint): number {
    const nowMs = this.#options.clock.monotonic();
    const known = this.#goneSince.get(name);
    const gone = known?.last === last ? known : { last, sinceMs: nowMs };
    this.#goneSince.set(name, gone);
    return nowMs - gone.sinceMs;
  }

  async #change(executor: Executor, signal: AbortSignal): Promise<void> {
    const { writer, events } = this.#options;
    const { name, uid } = executor.metadata;
    const { state, reason, message } = executor.status;
    const guards = state === ExecutorState.LOST ? [noSession(name)] : [];
    await writer.commit([{ op: 'update', kind: executors, object: executor }], guards, signal);
    const silent = reason === ENGINE_SILENT;
    // It follows on `ready` or comes before it: no news.
    if (state === ExecutorState.JOINING && !silent) return;
    events.record({
      formation: '',
      kind: executors.name,
      name,
      uid,
      reason: reason || 'Ready',
      message: message || 'ready for work',
      warning: silent || state === ExecutorState.LOST || state === ExecutorState.DISCONNECTED,
    });
  }

  /** Some at a time: those that an interrupted call left are lost with the next one. */
  async #lose(name: string, lost: readonly Instance[], signal: AbortSignal): Promise<void> {
    const { writer, events } = this.#options;
    for (const some of chunks(lost, LOST_PER_TRANSACTION)) {
      const writes = some.map((object): Write => ({ op: 'update', kind: instances, object }));
      await writer.commit(writes, [noSession(name)], signal);
      for (const instance of some) {
        const { formation, uid } = instance.metadata;
        const { message } = instance.status;
        const what = { kind: instances.name, name: shortName(instance), reason: 'Lost', warning: true };
        events.record({ ...what, formation, uid, message });
      }
    }
  }
}

/** The executor may have come back although the caches do not show it yet: then nothing of it is lost. */
function noSession(name: string): Guard {
  return { guard: 'object', kind: sessions, key: { formation: '', name }, revision: 0n };
}
