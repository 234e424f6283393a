import type { Clock } from '../../pkg/base/clock';
import type { Disposable } from '../../pkg/base/disposable';
import type { Random } from '../../pkg/base/random';
import type { Client, ConnectOptions } from '../../pkg/client/client';

/** Where a command prints to. */
export interface Output {
  write(text: string | Uint8Array): void;
  /** Resolves when what was written is with its reader, or near: for those who write without end. */
  drained(signal: AbortSignal): Promise<void>;
  /** Whether a person is looking: tables, colours and progress are for them only. */
  readonly isTerminal: boolean;
  readonly colors: boolean;
  /** The terminal's width in characters, now. */
  readonly columns: number;
}

export interface WindowSize {
  readonly columns: number;
  readonly rows: number;
}

/** Where a command reads from. */
export interface Input {
  readonly isTerminal: boolean;
  /** What comes, to its end or until the signal aborts; no faster than it is taken. */
  read(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Of a terminal: each key as it is pressed, shown by nobody, until disposed, or until the process ends. */
  raw(): Disposable;
  /** Of the terminal's window, where there is one. */
  readonly size: WindowSize | undefined;
  /** Told of each change of the size. */
  onResize(listener: () => void): Disposable;
}

/** All that a command takes from the process it runs in, so that tests can run it in theirs. */
export interface Context {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly clock: Clock;
  readonly random: Random;
  /** Gilliam's own. */
  readonly version: string;
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP; its reason's message is the signal's name. */
  readonly signal: AbortSignal;
  connect(options: ConnectOptions): Client;
}

/** Whether colours may be used on a terminal: see https://no-color.org. */
export function wantsColors(env: NodeJS.ProcessEnv): boolean {
  return !env.NO_COLOR && env.TERM !== 'dumb';
}
