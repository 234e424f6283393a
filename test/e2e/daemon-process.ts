import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { endOfLog } from './failure';

export interface DaemonCommand {
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  /** What it prints is added to this file. */
  readonly log: string;
}

/** A process that a harness runs, and kills when a test says so. */
export class DaemonProcess {
  #child: ChildProcess | undefined;

  constructor(private readonly what: DaemonCommand) {}

  start(): void {
    const {
      command: [file, ...args],
      env,
      log,
    } = this.what;
    const out = openSync(log, 'a');
    // In a session of its own: what is typed at the terminal of the tests does not reach it.
    this.#child = spawn(file, args, { env, stdio: ['ignore', out, out], detached: true });
    this.#child.on('error', () => {});
    closeSync(out);
  }

  get pid(): number | undefined {
    return this.running ? this.#child?.pid : undefined;
  }

  get running(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Ends it, and waits until it has; kills it when it takes longer than 10 s. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child || !this.running) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
  }

  /** The last lines of its log: see `endOfLog`. */
  tail(lines: number): string {
    const text = existsSync(this.what.log) ? readFileSync(this.what.log, 'utf8') : '';
    return endOfLog(text, lines);
  }
}
