import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { UnavailableError } from '../base/errors';
import type { Logger } from '../base/log';

export interface LogFileOptions {
  readonly path: string;
  /** A named pipe, by which the keeper is asked. */
  readonly pipe: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What HAProxy is started with. Close both once it runs. */
export interface OpenLogFile {
  /** Where it writes. */
  readonly output: number;
  /** To be kept open by it, for no other use: the keeper ends when nobody has it any more. */
  readonly held: number;
}

const askedMs = 2_000;
const pollMs = 5;
const newline = 0x0a;
const toEnd = 'end';

/**
 * The file that HAProxy itself writes: with a process between them each line would cost a wake-up, a fifth of what a
 * request costs, and lines would be lost whenever that process is behind.
 *
 * HAProxy takes appending away from its file, with the first line of each worker. So it starts at
 * the file's end, and the master and all its workers share one position, being the heirs of one open file. Only who has
 * inherited it too can make it append again, which has to be before the file is cut, and move the position, which has to
 * be after: a shell that sleeps beside HAProxy, the keeper.
 */
export class LogFile {
  constructor(private readonly options: LogFileOptions) {}

  get path(): string {
    return this.options.path;
  }

  open(): OpenLogFile {
    const { path, pipe } = this.options;
    const output = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o600);
    goToEnd(output);
    rmSync(pipe, { force: true });
    execFileSync('mkfifo', ['-m', '600', pipe]);
    // Open on both sides already, so neither side waits for the other.
    const both = openSync(pipe, constants.O_RDWR);
    const asked = openSync(pipe, constants.O_RDONLY);
    const held = openSync(pipe, constants.O_WRONLY);
    try {
      const append = 'dd if=/dev/null oflag=append conv=notrunc status=none';
      // Moved by writing alone: a blank before a line leaves it JSON.
      const move = `case $what in ${toEnd}) printf ' ' ;; esac`;
      const keeper = spawn('sh', ['-c', `while read -r what; do ${append}; ${move}; done`], {
        detached: true,
        stdio: [asked, output, 'ignore'],
      });
      keeper.on('error', (error) =>
        this.options.log.error('nobody can cut the access log', { error: error.message }),
      );
      keeper.unref();
    } finally {
      closeSync(both);
      closeSync(asked);
    }
    return { output, held };
  }

  /** Has the process `pid` append, so that the file can be cut. Throws UnavailableError where it does not. */
  async append(pid: number): Promise<void> {
    const { clock, path } = this.options;
    if (appends(pid)) return;
    this.#ask('append');
    for (const end = clock.monotonic() + askedMs; !appends(pid); await sleep(clock, pollMs)) {
      if (clock.monotonic() > end) {
        throw new UnavailableError(
          `${path} cannot be cut while HAProxy writes it: its keeper does not answer`,
        );
      }
    }
  }

  /** The file was cut: whoever stops to append goes on where it ends now, and leaves no hole. */
  wasCut(): void {
    this.#ask(toEnd);
  }

  #ask(what: string): void {
    const { pipe } = this.options;
    try {
      const asking = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
      writeSync(asking, `${what}\n`);
      closeSync(asking);
    } catch (error) {
      throw new UnavailableError(`${pipe}: nobody reads it: the keeper of the access log has ended`, {
        cause: error,
      });
    }
  }
}

/** Whether what the process has as its output is written at the file's end, wherever that is. */
function appends(pid: number): boolean {
  const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/1`, 'utf8'))?.[1] ?? '0';
  return (parseInt(flags, 8) & constants.O_APPEND) !== 0;
}

/** A position is moved by writing alone: hence the last byte anew. A line that was cut off ends there. */
function goToEnd(file: number): void {
  const { size } = fstatSync(file);
  if (size === 0) return;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, size - 1);
  if (last[0] === newline) ftruncateSync(file, size - 1);
  writeSync(file, '\n');
}
