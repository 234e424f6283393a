import { execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { InternalError, PreconditionError, UnavailableError, messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import { LogFile } from './log-file';
import { RuntimeClient, askOnce } from './runtime-client';
import { parseShowProc, type Workers } from './show-proc';

const startMs = 30_000;
const pollMs = 5;

export interface HaproxyOptions {
  /** Its configuration, sockets and logs; absolute, and short enough for sockets. */
  readonly directory: string;
  /** Default: found by PATH. */
  readonly binary?: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * HAProxy with a master and workers, in a session of its own: it goes on serving when its controller is gone, and the
 * next controller finds it by the files of its directory.
 */
export class HaproxyProcess {
  readonly runtime: RuntimeClient;
  /** What it logs of requests: JSON lines. */
  readonly accessLog: LogFile;
  readonly #options: HaproxyOptions;

  constructor(options: HaproxyOptions) {
    this.#options = options;
    this.runtime = new RuntimeClient(this.socket, options.clock);
    this.accessLog = new LogFile({
      path: join(this.directory, 'access.log'),
      pipe: join(this.directory, 'access.pipe'),
      ...{ clock: options.clock, log: options.log },
    });
  }

  get directory(): string {
    return this.#options.directory;
  }

  /** Of the runtime API of the worker that takes new connections. */
  get socket(): string {
    return join(this.directory, 'admin.sock');
  }

  get #master(): string {
    return join(this.directory, 'master.sock');
  }

  get #pidFile(): string {
    return join(this.directory, 'haproxy.pid');
  }

  get #configuration(): string {
    return join(this.directory, 'current', 'conf');
  }

  /** The master's process id, where one of this directory runs. */
  pid(): number | undefined {
    try {
      const pid = Number(readFileSync(this.#pidFile, 'utf8').trim());
      return this.#runs(pid) ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Starts it with the current configuration, unless it runs. Throws PreconditionError where it is not installed. */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.pid() !== undefined) return;
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const { output, held } = this.accessLog.open();
    const errors = openSync(join(this.directory, 'haproxy.log'), 'a', 0o600);
    const args = ['-W', '-S', `${this.#master},mode,600`, '-p', this.#pidFile, '-f', this.#configuration];
    try {
      const child = spawn(this.#binary, args, {
        detached: true,
        stdio: ['ignore', output, errors, held],
        cwd: this.directory,
        env: { PATH: process.env.PATH },
      });
      let ended: string | undefined;
      child.on('error', (error) => (ended = messageOf(error)));
      child.on('exit', (code, by) => (ended = `it ended with ${code ?? by}`));
      child.unref();
      await this.#until(
        'starts',
        () => ended,
        signal,
        async () => (await this.#serving()) !== undefined,
      );
    } catch (error) {
      throw /ENOENT/.test(messageOf(error)) ? notInstalled(error) : error;
    } finally {
      for (const file of [output, held, errors]) closeSync(file);
    }
    this.#options.log.info('HAProxy was started', { pid: this.pid() });
  }

  /** Throws InternalError with HAProxy's own words where the directory's configuration is not accepted. */
  async check(configuration: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      execFile(this.#binary, ['-c', '-f', configuration], { cwd: this.directory }, (error, _, stderr) => {
        if (!error) return resolve();
        if (error.code === 'ENOENT') return reject(notInstalled(error));
        const alerts = stderr.split('\n').filter((line) => line.startsWith('[ALERT]'));
        const said = alerts.slice(0, 5).join('; ') || messageOf(error);
        reject(new InternalError(`HAProxy refuses the configuration: ${said}`));
      });
    });
  }

  /** Whether the current configuration is accepted. */
  accepts(): Promise<boolean> {
    return this.check(this.#configuration).then(
      () => true,
      () => false,
    );
  }

  /** Makes sure that the access log can be cut: whoever writes it goes on where it then ends. */
  async makeLogAppend(): Promise<void> {
    const pid = this.pid();
    if (pid !== undefined) await this.accessLog.append(pid);
  }

  /** To be called once it was cut. */
  logWasCut(): void {
    if (this.pid() !== undefined) this.accessLog.wasCut();
  }

  /** Takes the current configuration up in a new worker; connections of the old one go on there. */
  async reload(signal?: AbortSignal): Promise<void> {
    // It stays the same process. Its file is empty for a moment.
    const master = this.pid();
    const before = await this.workers();
    const known = new Set([before.current, ...before.old]);
    await askOnce(this.#master, 'reload', this.#options.clock);
    this.runtime.close();
    await this.#until(
      'takes up its configuration',
      () => (master !== undefined && !this.#runs(master) ? 'it has ended' : undefined),
      signal,
      async () => {
        const pid = await this.#serving();
        return pid !== undefined && !known.has(pid);
      },
    );
  }

  async workers(): Promise<Workers> {
    return parseShowProc(await askOnce(this.#master, 'show proc', this.#options.clock));
  }

  /** Asks one worker, an old one too. */
  askWorker(pid: number, command: string): Promise<string> {
    return askOnce(this.#master, `@!${pid} ${command}`, this.#options.clock);
  }

  /** Takes no new connections, ends when the last one has, or after the time. */
  async stop(graceMs: number): Promise<void> {
    this.runtime.close();
    for (const [signal, ms] of [
      ['SIGUSR1', graceMs],
      ['SIGTERM', 5_000],
      ['SIGKILL', 5_000],
    ] as const) {
      const pid = this.pid();
      if (pid === undefined) return;
      process.kill(pid, signal);
      const ended = async () => this.pid() === undefined;
      if (await this.#within(ms, ended)) return;
    }
    throw new InternalError('HAProxy cannot be ended');
  }

  /** Whether the process is a master of this directory: somebody else may have the number by now. */
  #runs(pid: number): boolean {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      // Empty while it becomes another program, as it does for a reload.
      return (command === '' || command.split('\0').includes(this.#pidFile)) && !isZombie(pid);
    } catch {
      return false;
    }
  }

  get #binary(): string {
    return this.#options.binary ?? 'haproxy';
  }

  /** The worker that the runtime API is connected to, where that is the current one. */
  async #serving(): Promise<number | undefined> {
    if (!existsSync(this.#master) || !existsSync(this.socket)) return undefined;
    try {
      const { current } = await this.workers();
      this.runtime.close();
      const info = await this.runtime.ask('show info');
      const pid = Number(/^Pid: ([0-9]+)$/m.exec(info)?.[1]);
      return pid === current ? pid : undefined;
    } catch (error) {
      // Its master is between two programs, or has not come up yet.
      if (error instanceof UnavailableError) return undefined;
      throw error;
    }
  }

  async #until(
    what: string,
    failed: () => string | undefined,
    signal: AbortSignal | undefined,
    holds: () => Promise<boolean>,
  ): Promise<void> {
    const done = await this.#within(startMs, async () => failed() !== undefined || holds(), signal);
    const why = failed() ?? (done ? undefined : `not within ${startMs} ms`);
    if (why !== undefined) throw new UnavailableError(`HAProxy does not go on: it ${what}: ${why}`);
  }

  async #within(ms: number, holds: () => Promise<boolean>, signal?: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    const end = clock.monotonic() + ms;
    while (!(await holds())) {
      if (clock.monotonic() > end) return false;
      await sleep(clock, pollMs, signal);
    }
    return true;
  }
}

function notInstalled(cause: unknown): PreconditionError {
  return new PreconditionError(
    'the router needs HAProxy 2.6 or later, and it is not installed: apt-get install haproxy, or put it into the PATH',
    { cause },
  );
}

function isZombie(pid: number): boolean {
  return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}
