import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './tcp-proxy';

const startMs = 20_000;
const attempts = 5;

/** A real etcd of one member, with its data in a directory of its own, on ports of its own. */
export class EtcdProcess {
  #child: ChildProcess | undefined;
  #stderr = '';
  readonly #killWithUs = () => this.#child?.kill('SIGKILL');

  private constructor(
    private readonly directory: string,
    /** Where clients connect, on 127.0.0.1. */
    readonly port: number,
    private readonly peerPort: number,
  ) {
    process.once('exit', this.#killWithUs);
  }

  /** Starts one with no data. `stop` it. */
  static async start(): Promise<EtcdProcess> {
    let reason: unknown;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const directory = await mkdtemp(join(tmpdir(), 'gilliam-etcd-'));
      const etcd = new EtcdProcess(directory, await freePort(), await freePort());
      try {
        await etcd.restart();
        return etcd;
      } catch (error) {
        // Somebody else may have taken one of the ports meanwhile.
        reason = error;
        await etcd.stop();
      }
    }
    throw reason;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts it again with the data that it has. */
  async restart(): Promise<void> {
    this.#stderr = '';
    const child = spawn('etcd', this.#arguments(), { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    child.stderr.on('data', (data: Buffer) => (this.#stderr = (this.#stderr + data.toString()).slice(-4000)));
    child.on('error', (error) => (this.#stderr += error.message));
    const until = performance.now() + startMs;
    while (!(await this.#isHealthy())) {
      if (child.exitCode !== null || child.pid === undefined || performance.now() > until)
        throw new Error(`etcd did not start: ${this.#stderr}`);
      await delay(20);
    }
  }

  /** Kills it at once, as a crash of the machine's power would. Its data stay. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it, and removes its data. */
  async stop(): Promise<void> {
    await this.#end('SIGKILL');
    process.off('exit', this.#killWithUs);
    await rm(this.directory, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  }

  #arguments(): string[] {
    const client = `http://127.0.0.1:${this.port}`;
    const peer = `http://127.0.0.1:${this.peerPort}`;
    return [
      '--name=one',
      `--data-dir=${this.directory}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=one=${peer}`,
      // Fast to elect itself, and leases of 1 s are possible.
      '--heartbeat-interval=20',
      '--election-timeout=200',
      '--experimental-watch-progress-notify-interval=10s',
      '--max-txn-ops=1024',
      '--quota-backend-bytes=1073741824',
      '--auto-compaction-mode=periodic',
      '--auto-compaction-retention=10m',
      '--logger=zap',
      '--log-level=error',
    ];
  }

  #isHealthy(): Promise<boolean> {
    return new Promise((resolve) => {
      const request = get(
        `http://127.0.0.1:${this.port}/health`,
        { agent: false, timeout: 1000 },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode === 200));
          response.on('error', () => resolve(false));
        },
      );
      request.on('error', () => resolve(false));
      request.on('timeout', () => request.destroy());
    });
  }
}
