import { backoffMs } from '../base/backoff';

export const restartBackoff = { startMs: 500, capMs: 60_000 } as const;
/** Up for so long, a container counts as sound again: its next exit is the first. */
export const soundAfterMs = 60_000;
/** A command that the shell or the kernel cannot execute exits with these. */
const cannotExecute = [126, 127];
/** Ready for so long, the command evidently can be executed. */
export const provenAfterMs = 1000;

/** One exit of a container. */
export interface Exit {
  readonly exitCode: number;
  /** How long it was up. */
  readonly upMs: number;
  /** Whether it has ever been ready for a second. */
  readonly proven: boolean;
  /** Exits in a row before this one, none of them after a sound run. */
  readonly previous: number;
}

export type Verdict =
  | { readonly kind: 'bad-command' }
  | {
      readonly kind: 'restart';
      readonly delayMs: number;
      /** The next exit's `previous`. */
      readonly row: number;
    };

/** What an exit means: services never end by themselves, so all but the hopeless are started again. */
export function judgeExit(exit: Exit): Verdict {
  if (!exit.proven && exit.upMs < provenAfterMs && cannotExecute.includes(exit.exitCode)) {
    return { kind: 'bad-command' };
  }
  const previous = exit.upMs >= soundAfterMs ? 0 : exit.previous;
  return { kind: 'restart', delayMs: backoffMs(restartBackoff, previous), row: previous + 1 };
}

/** `4 s`, `0.5 s`, `2 min`: how long something takes, for people. */
export function formatDelay(ms: number): string {
  if (ms >= 120_000) return `${Math.round(ms / 60_000)} min`;
  return `${ms < 1000 ? Math.round(ms / 100) / 10 : Math.round(ms / 1000)} s`;
}
