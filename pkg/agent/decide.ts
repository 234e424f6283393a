import type { Container } from './driver';
import type { OnceFacts } from './one-off';
import type { Wish } from './wish';

/** All that the next step of an instance depends on. Times are the monotonic clock's. */
export interface Facts {
  readonly wish: Wish;
  /** Undefined: none exists. `unknown`: not looked at yet, or something has happened since. */
  readonly container: Container | 'unknown' | undefined;
  /** New containers may be made: what should not run on this executor has been stopped. */
  readonly mayCreate: boolean;
  /** What instances are given of the network is known, or there is none. */
  readonly networkKnown: boolean;
  /** Nobody sends requests to it any more, or has been waited for long enough. */
  readonly drained: boolean;
  /** Its container cannot be made or started, for good. */
  readonly failed: boolean;
  /** The image has to be pulled before the container can be made. */
  readonly pull: boolean;
  /** The container cannot be used as it is made, because a port of it is taken. */
  readonly discard: boolean;
  /** The container's last exit has been judged. */
  readonly judged: boolean;
  /** It is not pulled, made or started before: the back-off after what failed or exited. */
  readonly startNotBeforeMs: number;
  /** The engine is asked for nothing before: the back-off after it did not answer. */
  readonly engineNotBeforeMs: number;
  readonly nowMs: number;
  /** Only of an instance that runs once. */
  readonly once?: OnceFacts;
}

export type Action =
  /** Ask the engine what there is. */
  | { readonly kind: 'look' }
  | { readonly kind: 'pull' }
  | { readonly kind: 'create' }
  | { readonly kind: 'start'; readonly container: Container }
  /** Decide what the exit means. */
  | { readonly kind: 'judge'; readonly container: Container }
  /** See to it that nobody sends requests to it any more. */
  | { readonly kind: 'drain'; readonly container: Container }
  | { readonly kind: 'stop'; readonly container: Container }
  | { readonly kind: 'remove'; readonly container: Container }
  /** The time of an instance that runs once is over. */
  | { readonly kind: 'expire' }
  /** Nothing is left to be done, ever. */
  | { readonly kind: 'finish' }
  /** Nothing to do until something changes, or until the time has passed. */
  | { readonly kind: 'wait'; readonly delayMs?: number; readonly for?: 'network' };

const removalPollMs = 100;

/** The one step that brings an instance nearer to what is wished. Pure: looks at what is, never at what happened. */
export function decide(facts: Facts): Action {
  const { wish, container, once } = facts;
  const from =
    (...times: readonly number[]) =>
    (action: Action): Action => {
      const waitMs = Math.max(facts.engineNotBeforeMs, ...times) - facts.nowMs;
      return waitMs > 0 ? { kind: 'wait', delayMs: waitMs } : action;
    };
  const soon = from();
  const afterBackoff = from(facts.startNotBeforeMs);

  if (container === 'unknown') return soon({ kind: 'look' });
  if (container?.state === 'removing') return { kind: 'wait', delayMs: removalPollMs };
  switch (wish.kind) {
    case 'stop':
    case 'gone':
      if (!container) return { kind: 'finish' };
      // Whoever is attached gets all that it has printed.
      if (container.state === 'exited' && once?.busy) return { kind: 'wait' };
      return from(wish.kind === 'gone' ? wish.notBeforeMs : 0)(
        container.state === 'running' ? bringDown(container) : { kind: 'remove', container },
      );
    case 'rest':
      if (once && container && container.state !== 'running') return soon({ kind: 'remove', container });
      return container?.state === 'running' ? soon(bringDown(container)) : { kind: 'wait' };
    case 'keep':
      // One that never started belongs to an instance that nobody has counted on yet.
      if (!container) return { kind: 'finish' };
      if (once) return container.state === 'running' ? goOn(once, container) : { kind: 'wait' };
      return container.state === 'exited' ? keepUp(container) : { kind: 'wait' };
    case 'run':
      if (once) return runOnce(once);
      if (facts.failed) return { kind: 'wait' };
      if (!container) return begin();
      if (container.state === 'running') return { kind: 'wait' };
      if (facts.discard) return soon({ kind: 'remove', container });
      return container.state === 'exited' ? keepUp(container) : afterBackoff({ kind: 'start', container });
  }

  function begin(): Action {
    if (!facts.mayCreate) return { kind: 'wait' };
    if (!facts.networkKnown) return { kind: 'wait', for: 'network' };
    return afterBackoff({ kind: facts.pull ? 'pull' : 'create' });
  }

  /** It is started at most once, and leaves nothing. */
  function runOnce(once: OnceFacts): Action {
    const expired = facts.nowMs >= once.endAtMs;
    if (facts.failed && !container) return { kind: 'wait' };
    if (!container) {
      if (once.over) return { kind: 'finish' };
      return expired ? { kind: 'expire' } : begin();
    }
    if (container === 'unknown') return soon({ kind: 'look' });
    if (container.state === 'running') return goOn(once, container);
    if (container.state === 'exited') {
      if (!facts.judged) return { kind: 'judge', container };
      return once.busy ? { kind: 'wait' } : soon({ kind: 'remove', container });
    }
    if (once.over || facts.discard) return soon({ kind: 'remove', container });
    if (expired) return { kind: 'expire' };
    return once.awaited ? until(once.endAtMs) : afterBackoff({ kind: 'start', container });
  }

  function goOn(once: OnceFacts, running: Container): Action {
    if (once.over) return soon(bringDown(running));
    return facts.nowMs >= once.endAtMs ? { kind: 'expire' } : until(once.endAtMs);
  }

  function until(timeMs: number): Action {
    return timeMs === Infinity ? { kind: 'wait' } : { kind: 'wait', delayMs: timeMs - facts.nowMs };
  }

  // Invariant 7: out of routing first, then SIGTERM.
  function bringDown(running: Container): Action {
    return { kind: facts.drained ? 'stop' : 'drain', container: running };
  }

  function keepUp(exited: Container): Action {
    if (facts.failed) return { kind: 'wait' };
    return facts.judged
      ? afterBackoff({ kind: 'start', container: exited })
      : { kind: 'judge', container: exited };
  }
}
