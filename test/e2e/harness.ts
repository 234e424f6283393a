import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findRunning, type ProcessRecord } from '../../pkg/stage/process-record';

// Jest and the benchmarks both run in the project's directory.
const root = process.cwd();

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Kills the command after this long. Default 60 s. */
  readonly timeoutMs?: number;
}

export type Component = 'supervisor' | 'etcd' | 'controlplane' | 'executor';

/**
 * A stage of a test's own, started by the real `gilliam up`: its own home, data, ports, and host ports. It shares the
 * machine's Docker Engine with others, which is what stages do.
 */
export class StageHarness {
  readonly directory = mkdtempSync(join(tmpdir(), 'gilliam-e2e-'));
  readonly hostPortBase: number;
  readonly data: string;
  readonly env: NodeJS.ProcessEnv;

  private constructor(
    hostPortBase: number,
    private readonly bin: string,
    readonly stage: string,
  ) {
    this.hostPortBase = hostPortBase;
    this.data = join(this.directory, 'data', stage);
    this.env = {
      ...process.env,
      GILLIAM_HOME: join(this.directory, 'home'),
      GILLIAM_DATA: join(this.directory, 'data'),
      GILLIAM_STAGE: this.stage,
      GILLIAM_FORMATION: '',
      // Nobody's own settings: commits are made here, and no colours asked for.
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_NAME: 'e2e',
      GIT_AUTHOR_EMAIL: 'e2e@localhost',
      GIT_COMMITTER_NAME: 'e2e',
      GIT_COMMITTER_EMAIL: 'e2e@localhost',
      NO_COLOR: '1',
      FORCE_COLOR: undefined,
      NODE_OPTIONS: undefined,
    };
  }

  /** A stage that is not up yet. */
  static prepare({
    hostPortBase = 12_000,
    bin = join(root, 'bin/gilliam'),
    stage = `e2e-${Math.random().toString(36).slice(2, 8)}`,
  } = {}): StageHarness {
    return new StageHarness(hostPortBase, bin, stage);
  }

  static async start(options: Parameters<typeof StageHarness.prepare>[0] = {}): Promise<StageHarness> {
    const harness = StageHarness.prepare(options);
    try {
      await harness.up();
      return harness;
    } catch (error) {
      await harness.stop().catch(() => {});
      throw error;
    }
  }

  async up(): Promise<CommandResult> {
    const args = ['up', '--host', '127.0.0.1', '--host-port-base', String(this.hostPortBase)];
    return this.succeed(args, { timeoutMs: 170_000 });
  }

  /** Runs the CLI as a person would. Never rejects for what the command says of itself: see `code`. */
  gilliam(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.run(this.bin, args, options);
  }

  /** As `gilliam`, for what has to work. */
  async succeed(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const result = await this.gilliam(args, options);
    if (result.code === 0) return result;
    throw new Error(`gilliam ${args.join(' ')}: exit ${result.code}\n${result.stdout}${result.stderr}`);
  }

  /** Its standard output, as lines. */
  async lines(args: readonly string[], options: CommandOptions = {}): Promise<string[]> {
    const { stdout } = await this.succeed(args, options);
    return stdout.split('\n').filter((line) => line !== '');
  }

  async json<T>(args: readonly string[], options: CommandOptions = {}): Promise<T> {
    return JSON.parse((await this.succeed([...args, '--json'], options)).stdout) as T;
  }

  run(file: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const { cwd = this.directory, env = {}, timeoutMs = 60_000 } = options;
    return new Promise((resolve) => {
      const settings = { cwd, env: { ...this.env, ...env }, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 };
      const child = execFile(file, args, settings, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 128;
        resolve({ stdout, stderr: error && code === 128 ? `${stderr}${error.message}` : stderr, code });
      });
      child.stdin?.end();
    });
  }

  /** A directory with these files; a git repository with one commit of them. */
  async app(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const directory = join(this.directory, 'apps', name);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    await this.git(directory, 'init', '--quiet', '--initial-branch=main', '.');
    await this.commit(directory, 'first');
    return directory;
  }

  async commit(directory: string, message: string): Promise<void> {
    await this.git(directory, 'add', '--all');
    await this.git(directory, 'commit', '--quiet', '--message', message);
  }

  async git(directory: string, ...args: string[]): Promise<string> {
    const { stdout, stderr, code } = await this.run('git', args, { cwd: directory });
    if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** Waits until the condition holds; what it last threw or the deadline is told. */
  async until(what: string, condition: () => Promise<boolean>, deadlineMs = 30_000): Promise<number> {
    const startMs = performance.now();
    for (;;) {
      let why = '';
      const holds = await condition().catch((error: unknown) => {
        why = String(error);
        return false;
      });
      const passedMs = performance.now() - startMs;
      if (holds) return passedMs;
      if (passedMs > deadlineMs) {
        throw new Error(`not within ${deadlineMs} ms: ${what}${why && `\n${why}`}\n${await this.logs()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The component's living process. */
  process(component: Component): ProcessRecord | undefined {
    return findRunning(join(this.data, 'run'), component);
  }

  /** kill -9. The pid that was. */
  kill(component: Component): number {
    const record = this.process(component);
    if (!record) throw new Error(`${component} does not run`);
    process.kill(record.pid, 'SIGKILL');
    return record.pid;
  }

  /** What the stage is called at the engine. */
  get key(): string {
    const { id } = JSON.parse(readFileSync(join(this.data, 'stage.json'), 'utf8')) as { id: string };
    return `${this.stage}-${id}`;
  }

  /** Ids of the stage's containers; only those of which `docker ps --filter` says so. */
  async containers(...filters: string[]): Promise<string[]> {
    const all = [`label=gilliam.stage=${this.key}`, ...filters].flatMap((filter) => ['--filter', filter]);
    return (await this.docker('ps', '--all', '--quiet', '--no-trunc', ...all))
      .split('\n')
      .filter(Boolean)
      .sort();
  }

  /** Starts of containers, by id: equal maps mean that no container was restarted in between. */
  async containerStarts(): Promise<Record<string, string>> {
    const ids = await this.containers('status=running');
    if (ids.length === 0) return {};
    const out = await this.docker(
      'inspect',
      '--format',
      '{{.Id}} {{.State.StartedAt}} {{.RestartCount}}',
      ...ids,
    );
    return Object.fromEntries(
      out
        .split('\n')
        .filter(Boolean)
        .map((line) => {
          const [id = '', ...rest] = line.split(' ');
          return [id, rest.join(' ')];
        }),
    );
  }

  async docker(...args: string[]): Promise<string> {
    const { stdout, stderr, code } = await this.run('docker', args);
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** The ends of all logs, for the message of a test that fails. */
  async logs(): Promise<string> {
    const names = ['supervisor', 'etcd', 'controlplane', 'executor'] as const;
    return names
      .map((name) => {
        const path = join(this.data, 'logs', `${name}.log`);
        const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
        return `--- ${name}\n${text.trim().split('\n').slice(-15).join('\n')}`;
      })
      .join('\n');
  }

  /** Ends all that the stage has started, and removes its traces. */
  async stop(): Promise<void> {
    const known = existsSync(join(this.data, 'stage.json')) ? this.key : undefined;
    const { code, stderr } = await this.gilliam(['down', '--forget'], { timeoutMs: 120_000 });
    for (const component of ['supervisor', 'executor', 'controlplane', 'etcd'] as const) {
      if (this.process(component)) this.kill(component);
    }
    if (known) {
      const left = await this.docker('ps', '--all', '--quiet', '--filter', `label=gilliam.stage=${known}`);
      if (left) await this.docker('rm', '--force', ...left.trim().split('\n'));
    }
    rmSync(this.directory, { recursive: true, force: true });
    if (code !== 0) throw new Error(`gilliam down --forget: exit ${code}\n${stderr}`);
  }
}
