import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inShort } from './failure';
import { directoryPrefix, markDirectory } from './run-owner';

// Jest and the benchmarks both run in the project's directory.
export const root = process.cwd();

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from standard input. Default nothing. */
  readonly input?: string;
  /** Kills the command after this long. Default 60 s. */
  readonly timeoutMs?: number;
}

/** The CLI and git as a person uses them, with a home of a test's own. */
export abstract class Cli {
  readonly directory = mkdtempSync(directoryPrefix);
  readonly env: NodeJS.ProcessEnv;

  protected constructor(
    readonly stage: string,
    private readonly bin: string = join(root, 'bin/gilliam'),
  ) {
    markDirectory(this.directory);
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

  /** The ends of all logs (see `endOfLog`), for the message of a test that fails. */
  abstract logs(): Promise<string>;

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
    const { cwd = this.directory, env = {}, input, timeoutMs = 60_000 } = options;
    return new Promise((resolve) => {
      const settings = { cwd, env: { ...this.env, ...env }, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 };
      const child = execFile(file, args, settings, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 128;
        resolve({ stdout, stderr: error && code === 128 ? `${stderr}${error.message}` : stderr, code });
      });
      // A command that has ended takes no more.
      child.stdin?.on('error', () => {}).end(input);
    });
  }

  /** A directory with these files; a git repository with one commit of them. */
  async app(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const directory = join(this.directory, 'apps', name);
    // Apps of the same files are one image, which the engine removes when one of them is forgotten: each is told apart.
    for (const [path, content] of Object.entries({ README: `${name}\n`, ...files })) {
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

  /** Waits until the condition holds; of one that does not, why, as it last said, and the ends of the logs. */
  async until(what: string, condition: () => Promise<boolean>, deadlineMs = 30_000): Promise<number> {
    const startMs = performance.now();
    for (;;) {
      let why = '';
      const holds = await condition().catch((error: unknown) => {
        why = inShort(error);
        return false;
      });
      const passedMs = performance.now() - startMs;
      if (holds) return passedMs;
      if (passedMs > deadlineMs) {
        throw new Error(
          [`not within ${deadlineMs} ms: ${what}`, why, await this.logs()].filter(Boolean).join('\n'),
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  protected removeDirectory(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  async docker(...args: string[]): Promise<string> {
    const { stdout, stderr, code } = await this.run('docker', args);
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
    return stdout;
  }
}

/** A stage name that nobody else has. */
export function stageName(): string {
  return `e2e-${Math.random().toString(36).slice(2, 8)}`;
}
