import { ExecutorState } from '../../gen/gilliam/v1/executor';
import type { ExecutorStatus } from '../../gen/gilliam/v1/executor';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { ENGINE_SILENT } from '../../resource/executor-reason';
import { isFinished } from '../../resource/instance';
import type { Executor, Instance, Session } from '../../resource/objects';

export interface ExecutorView {
  /** Absent when instances name an executor that is not known. */
  readonly executor: Executor | undefined;
  readonly session: Session | undefined;
  /** For how long this leader has known that there is no session; 0 while there is one. */
  readonly goneForMs: number;
  readonly lostAfterMs: number;
  /** All that are placed there. */
  readonly instances: readonly Instance[];
  readonly now: Date;
}

export interface ExecutorPlan {
  /** With the status that it has now; absent when that is no other. */
  readonly executor?: Executor;
  /** With the state `lost`. */
  readonly lost: readonly Instance[];
  /** When to look again. */
  readonly requeueAfterMs?: number;
}

/**
 * Whether an executor takes work, and what becomes of its instances when it has gone. What is lost follows from what
 * there is: an interrupted declaration of loss is carried on by whoever looks next.
 */
export function planExecutor(view: ExecutorView): ExecutorPlan {
  const { executor, session, goneForMs, lostAfterMs, now } = view;
  const state = stateOf(view);
  const [reason, message] = explain(state, view);
  const changed = executor && withStatus(executor, { state, reason, message }, now);
  const living = view.instances.filter((instance) => !isFinished(instance.status.state));
  return {
    ...(changed ? { executor: changed } : {}),
    lost: state === ExecutorState.LOST ? living.map((instance) => lost(instance, lostAfterMs, now)) : [],
    ...(session || state === ExecutorState.LOST ? {} : { requeueAfterMs: lostAfterMs - goneForMs }),
  };
}

function stateOf({ executor, session, goneForMs, lostAfterMs }: ExecutorView): ExecutorState {
  // It has to be synced first, or what it still runs of its lost instances would run beside new work.
  // Without its engine it can run nothing new: what is placed there would wait, however many others are idle.
  if (session) {
    return session.synced && session.engineSilence === '' ? ExecutorState.READY : ExecutorState.JOINING;
  }
  // Once lost it stays so until it is back, however short the new leader has looked.
  const isLost = goneForMs >= lostAfterMs || executor?.status.state === ExecutorState.LOST;
  return isLost ? ExecutorState.LOST : ExecutorState.DISCONNECTED;
}

type Standing = Pick<ExecutorStatus, 'state' | 'reason' | 'message'>;

function withStatus(executor: Executor, standing: Standing, changed: Date): Executor | undefined {
  const { state, reason } = executor.status;
  const same = state !== ExecutorState.JOINING || reason === standing.reason;
  if (state === standing.state && same) return undefined;
  return { ...executor, status: { ...executor.status, ...standing, changed } };
}

function explain(
  state: ExecutorState,
  { session, lostAfterMs }: ExecutorView,
): [reason: string, message: string] {
  switch (state) {
    case ExecutorState.JOINING:
      return session?.engineSilence
        ? [ENGINE_SILENT, session.engineSilence]
        : ['Joining', 'connected, and stopping what it should not run'];
    case ExecutorState.DISCONNECTED:
      return ['Disconnected', `not connected; lost after ${lostAfterMs / 1_000} s of that`];
    case ExecutorState.LOST:
      return ['Lost', `not connected for ${lostAfterMs / 1_000} s`];
    default:
      return ['', ''];
  }
}

function lost(instance: Instance, lostAfterMs: number, changed: Date): Instance {
  const { spec, status } = instance;
  return {
    ...instance,
    status: {
      ...status,
      state: InstanceState.LOST,
      reason: 'ExecutorLost',
      message: `executor ${spec.executor} was not connected for ${lostAfterMs / 1_000} s`,
      ready: false,
      changed,
    },
  };
}
