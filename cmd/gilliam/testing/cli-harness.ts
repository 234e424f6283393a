import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SystemClock } from '../../../pkg/base/clock';
import type { Disposable } from '../../../pkg/base/disposable';
import { SystemRandom } from '../../../pkg/base/random';
import { connect } from '../../../pkg/client/client';
import { InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import type { RouterPorts } from '../../../pkg/stage/ports';
import { writeStageFile } from '../../../pkg/stage/stage-file';
import { ApiHarness } from '../../../pkg/testing/api-harness';
import type { Context, Input, Output, WindowSize } from '../context';
import { run } from '../run';

/** What a command line came to. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Below the harness's directory; default that itself. */
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Whether a person is looking. */
  readonly terminal?: boolean;
  readonly colors?: boolean;
  readonly signal?: AbortSignal;
  /** What is typed, or comes through a pipe; default nothing. */
  readonly stdin?: FakeInput;
  /** Told of each piece of stdout as it comes. */
  readonly onStdout?: (text: string) => void;
}

/** Runs command lines in this process, in a directory of their own, against an API server over a memory store. */
export class CliHarness {
  readonly directory = mkdtempSync(join(tmpdir(), 'gilliam-cli-'));

  private constructor(readonly api: ApiHarness) {
    writeStageFile({ stage: 'local', api: api.address, token: 'user-token' }, this.#env());
  }

  /** Says in the stage file where the stage's router listens, as `gilliam up` does. */
  routerAt(router: RouterPorts | undefined): void {
    writeStageFile({ stage: 'local', api: this.api.address, token: 'user-token', router }, this.#env());
  }

  static async start(): Promise<CliHarness> {
    return new CliHarness(await ApiHarness.start());
  }

  async close(): Promise<void> {
    await this.api.close();
    // oclif listens whenever it is loaded: in a program once, here for each file that a worker of jest runs.
    process.stdout.removeAllListeners('error');
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Runs `gilliam <words>`. */
  async run(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const stdout = new Recorder(options);
    const stderr = new Recorder({ ...options, onStdout: undefined });
    const context: Context = {
      env: { ...this.#env(), ...options.env },
      cwd: join(this.directory, 'work', options.cwd ?? ''),
      stdin: options.stdin ?? new FakeInput([]),
      stdout,
      stderr,
      clock: new SystemClock(),
      random: new SystemRandom(),
      version: '0.0.0',
      signal: options.signal ?? new AbortController().signal,
      connect,
    };
    mkdirSync(context.cwd, { recursive: true });
    const code = await run(words, context);
    return { code, stdout: stdout.text, stderr: stderr.text };
  }

  /** Runs `gilliam <line>`, of words apart by blanks. */
  gilliam(line: string, options?: RunOptions): Promise<Outcome> {
    return this.run(line.split(' '), options);
  }

  /** Creates the formation `shop` in the directory and deploys a commit of it; resolves to the commit. */
  async deployed(subject = 'first'): Promise<string> {
    this.write('Procfile', 'web: serve\nworker: work\n');
    const commit = this.commit(subject);
    for (const line of ['create shop', 'deploy']) {
      const { code, stderr } = await this.gilliam(line);
      if (code !== 0) throw new Error(stderr);
    }
    return commit;
  }

  /** Puts a running instance of web into the store, as the controllers and an executor would. */
  async running(ordinal: number, release: string): Promise<void> {
    const placed = await this.api.placeInstance({ ordinal, state: InstanceState.RUNNING });
    await this.api.changeInstance(placed.metadata.name, (instance) => ({
      ...instance,
      spec: { ...instance.spec, release },
      status: {
        ...instance.status,
        ready: true,
        host: 'H',
        ports: [{ name: '', containerPort: 8080, hostPort: 9999 + ordinal }],
        changed: new Date(),
      },
    }));
  }

  /** Writes a file of the directory that commands run in. */
  write(path: string, content: string): void {
    const file = join(this.directory, 'work', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  /** Runs git in the directory that commands run in, or below. */
  git(words: readonly string[], cwd = ''): string {
    const directory = join(this.directory, 'work', cwd);
    mkdirSync(directory, { recursive: true });
    const identity = [
      '-c',
      'user.name=Ada',
      '-c',
      'user.email=ada@example.com',
      '-c',
      'init.defaultBranch=main',
    ];
    return execFileSync('git', [...identity, ...words], {
      cwd: directory,
      env: { ...process.env, ...this.#env() },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }

  /** Makes the directory a git repository whose HEAD is what is there. */
  commit(subject = 'first', cwd = ''): string {
    this.git(['init', '--quiet'], cwd);
    this.git(['add', '.'], cwd);
    this.git(['commit', '--quiet', '--allow-empty', '-m', subject], cwd);
    return this.git(['rev-parse', 'HEAD'], cwd).trim();
  }

  #env(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: this.directory, GILLIAM_HOME: join(this.directory, 'home') };
  }
}

/** Standard input by hand. */
export class FakeInput implements Input {
  readonly #pieces: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;
  readonly #listeners = new Set<() => void>();
  /** Whether keys are read as they are pressed, now; and whether they ever were. */
  isRaw = false;
  wasRaw = false;

  constructor(
    pieces: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
    public size: WindowSize | undefined = undefined,
  ) {
    this.#pieces = pieces;
  }

  get isTerminal(): boolean {
    return this.size !== undefined;
  }

  async *read(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for await (const piece of this.#pieces) {
      if (signal.aborted) return;
      yield Buffer.from(piece as string);
    }
  }

  raw(): Disposable {
    this.isRaw = this.wasRaw = true;
    return { dispose: () => (this.isRaw = false) };
  }

  resize(size: WindowSize): void {
    this.size = size;
    for (const listener of this.#listeners) listener();
  }

  onResize(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }
}

class Recorder implements Output {
  readonly isTerminal: boolean;
  readonly colors: boolean;
  readonly columns = 100;
  readonly #chunks: Buffer[] = [];
  readonly #onText: ((text: string) => void) | undefined;

  constructor({ terminal = false, colors = false, onStdout }: RunOptions) {
    this.isTerminal = terminal;
    this.colors = colors;
    this.#onText = onStdout;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  write(text: string | Uint8Array): void {
    this.#chunks.push(Buffer.from(text as string));
    this.#onText?.(Buffer.from(text as string).toString('utf8'));
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }
}
