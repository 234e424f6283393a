import { spawn, type ChildProcess } from 'node:child_process';
import type { Cli } from './cli';

export interface LoadSettings {
  /** By name, or by an address with a `host` header. */
  readonly url: string;
  /** Through the proxy that the environment of the load names. */
  readonly proxied?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** A new connection after so many requests. Default 20. */
  readonly perConnection?: number;
  /** Requests under way at once. Default 4. */
  readonly workers?: number;
  /** Of each worker, between requests. Default 5. */
  readonly pauseMs?: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly failed: number;
  /** The first few: when, after how long, and what. */
  readonly failures: readonly { readonly at: string; readonly afterMs: number; readonly what: string }[];
  /** How many requests each release has answered. */
  readonly releases: Readonly<Record<string, number>>;
  readonly slowestMs: number;
}

/** Constant load by networked-app/load.js, from wherever the command before it runs. */
export class Load {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #stdout = '';
  #stderr = '';

  /** `at` runs Node there: `['node', 'load.js']`, or a `docker exec --interactive` of it. */
  constructor(at: readonly string[], settings: LoadSettings) {
    const [file = '', ...args] = at;
    this.#child = spawn(file, [...args, JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (data) => (this.#stdout += String(data)));
    this.#child.stderr?.on('data', (data) => (this.#stderr += String(data)));
    this.#ended = new Promise((resolve) =>
      this.#child.once('close', () => resolve()).once('error', () => resolve()),
    );
  }

  /** Ends it, and says how it went. */
  async stop(): Promise<LoadResult> {
    this.#child.stdin?.end();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 30_000);
    await this.#ended;
    clearTimeout(late);
    try {
      return JSON.parse(this.#stdout) as LoadResult;
    } catch (cause) {
      throw new Error(`the load has said nothing of itself: ${this.#stderr}`, { cause });
    }
  }
}

export interface Migration {
  readonly cwd: string;
  readonly process: string;
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

/** A rolling migration by hand: the new release up, then the old one down. */
export async function migrate(cli: Cli, { cwd, process, from, to, count }: Migration): Promise<void> {
  await cli.succeed(['scale', to, `${process}=${count}`, '--wait'], { cwd });
  await cli.succeed(['scale', from, `${process}=0`, '--wait'], { cwd });
}
