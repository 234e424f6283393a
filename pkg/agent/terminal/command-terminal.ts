/** A piece of what a command prints. With a terminal all of it is `stdout`. */
export interface PrintedPiece {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}

export interface WindowSize {
  readonly columns: number;
  readonly rows: number;
}

/** Both ends of one command: what it reads, what it prints, what else can be done to it. */
export interface CommandTerminal {
  /** What it prints, no faster than it is taken. Ends when the command has printed all. To be read once. */
  readonly output: AsyncIterable<PrintedPiece>;
  /** Resolves when it can be given more. What a command does not read any more is dropped. */
  write(bytes: Uint8Array): Promise<void>;
  /** Nothing more will be written: the command reads to the end. */
  end(): void;
  /** Of a command with a terminal, once it runs. */
  resize(size: WindowSize): Promise<void>;
  /** `SIGINT` and the like. A command that has ended is no error. */
  signal(name: string): Promise<void>;
  /** Resolves when it has ended: its exit code, 128 and the signal's number for one that was killed. */
  exit(signal: AbortSignal): Promise<number>;
  /** Lets go of it; the command itself goes on. */
  close(): void;
}

/** The signals that a command may be sent. */
export const signalNames = [
  ...['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGKILL', 'SIGUSR1', 'SIGUSR2'],
  ...['SIGWINCH', 'SIGCONT', 'SIGSTOP', 'SIGTSTP', 'SIGALRM', 'SIGPIPE'],
] as const;

export type SignalName = (typeof signalNames)[number];

export function isSignalName(name: string): name is SignalName {
  return (signalNames as readonly string[]).includes(name);
}
