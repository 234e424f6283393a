import { backoffMs } from '../base/backoff';

/** What the supervisor remembers of a component. */
export interface ComponentState {
  readonly running: boolean;
  /** When its newest process was started, on the monotonic clock. */
  readonly startedAtMs: number;
  /** How many processes in a row ended soon after their start. */
  readonly failures: number;
  /** Not to be started before. */
  readonly notBeforeMs: number;
}

export interface RestartPlan {
  /** Components to start now. */
  readonly start: readonly string[];
  /** When there is something to do next, if nothing happens; undefined when there is not. */
  readonly wakeAtMs?: number;
}

/** A process that was up for so long has not failed to start: its end is news, and is answered at once. */
export const settledMs = 10_000;
const delays = { startMs: 500, capMs: 10_000 };

export const neverStarted: ComponentState = { running: false, startedAtMs: 0, failures: 0, notBeforeMs: 0 };

export function started(state: ComponentState, nowMs: number): ComponentState {
  return { ...state, running: true, startedAtMs: nowMs };
}

/** The first restart is at once; those after it wait 0.5 s, doubling to 10 s, until one stays up. */
export function exited(state: ComponentState, nowMs: number): ComponentState {
  const settled = nowMs - state.startedAtMs >= settledMs;
  const failures = settled ? 1 : state.failures + 1;
  const delayMs = failures === 1 ? 0 : backoffMs(delays, failures - 2);
  return { ...state, running: false, failures, notBeforeMs: nowMs + delayMs };
}

/** Everything is to run; each as soon as its back-off allows. */
export function planRestarts(states: ReadonlyMap<string, ComponentState>, nowMs: number): RestartPlan {
  const down = [...states].filter(([, state]) => !state.running);
  const waiting = down.filter(([, state]) => state.notBeforeMs > nowMs).map(([, state]) => state.notBeforeMs);
  return {
    start: down.filter(([, state]) => state.notBeforeMs <= nowMs).map(([name]) => name),
    wakeAtMs: waiting.length > 0 ? Math.min(...waiting) : undefined,
  };
}
