import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findRunning } from '../../pkg/stage/process-record';
import { bpfDirectory } from './bpf-pins';
import { Cli, root, type CommandOptions, type CommandResult } from './cli';
import { DaemonProcess } from './daemon-process';
import { DockerEngine } from './docker-engine';
import { endOfLog } from './failure';
import { hostsDirectory } from './host';
import type { HostNetwork } from './host-network';
import { claimRange, rangesBut, releaseRange, reserveRanges } from './range-claims';

const exec = promisify(execFile);
const parts = ['supervisor', 'network', 'router', 'executor'] as const;

/** A machine beside this one, with a network, an engine and a home of its own, on which somebody runs the CLI. */
export class JoinedMachine extends Cli {
  readonly address: string;
  readonly data: string;
  readonly #engine: DockerEngine;
  readonly #holder: DaemonProcess;

  constructor(
    private readonly network: HostNetwork,
    private readonly number: number,
    stage: string,
  ) {
    super(stage);
    this.address = network.address(number);
    this.data = join(this.directory, 'data', stage);
    const directory = join(hostsDirectory(), String(number));
    mkdirSync(directory, { recursive: true });
    // What is pinned in the kernel is named after the stage, which is the same on all of its machines.
    const pins = bpfDirectory(number);
    const script = `mkdir -p ${pins} && mount --bind ${pins} /sys/fs/bpf || true; exec sleep infinity`;
    this.#holder = new DaemonProcess({
      command: [...network.command(number), 'unshare', '--mount', '--', 'sh', '-c', script],
      env: process.env,
      log: join(directory, 'holder.log'),
    });
    this.#engine = new DockerEngine({
      directory,
      command: network.command(number),
      options: ['--bip', '172.17.0.1/16'],
    });
  }

  async start(): Promise<void> {
    this.#holder.start();
    await Promise.all([this.#engine.start(), this.#takeRange()]);
  }

  /** Leaves one range for its virtual IPs, which nobody else on this kernel has. */
  async #takeRange(): Promise<void> {
    const range = await claimRange(this.#claim);
    await reserveRanges(rangesBut(range), [...this.network.command(this.number), 'nft']);
  }

  get #claim(): string {
    return `joined_${this.number}`;
  }

  /** The CLI as somebody on that machine runs it. */
  override gilliam(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const enter = [`--target=${this.#holder.pid}`, '--net', '--mount', '--'];
    const env = { DOCKER_HOST: this.#engine.address, ...options.env };
    return this.run('nsenter', [...enter, join(root, 'bin/gilliam'), ...args], { ...options, env });
  }

  override docker(...args: string[]): Promise<string> {
    return this.#engine.docker(...args);
  }

  /** Ids of the running containers of a process. */
  async containers(name: string): Promise<string[]> {
    const out = await this.docker('ps', '--quiet', '--filter', `label=gilliam.process=${name}`);
    return out.split('\n').filter(Boolean);
  }

  /** Runs a command in a running container of the process; what it prints. */
  async exec(name: string, ...command: string[]): Promise<string> {
    const [id = ''] = await this.containers(name);
    const args = ['--host', this.#engine.address, 'exec', id, ...command];
    return (await exec('docker', args, { timeout: 60_000 })).stdout;
  }

  /** Pids of the parts that run. */
  pids(): Readonly<Record<string, number | undefined>> {
    return Object.fromEntries(parts.map((part) => [part, findRunning(join(this.data, 'run'), part)?.pid]));
  }

  kill(part: (typeof parts)[number]): void {
    const pid = this.pids()[part];
    if (pid === undefined) throw new Error(`${part} does not run`);
    process.kill(pid, 'SIGKILL');
  }

  override async logs(): Promise<string> {
    return parts
      .map((part) => {
        const path = join(this.data, 'logs', `${part}.log`);
        const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
        return `--- ${part} of the joined machine\n${endOfLog(text, 5)}`;
      })
      .join('\n');
  }

  async stop(): Promise<void> {
    if (this.#holder.running) await this.gilliam(['down', '--forget'], { timeoutMs: 120_000 });
    await this.#engine.end();
    await this.#holder.end('SIGKILL');
    await releaseRange(this.#claim);
    this.removeDirectory();
  }
}
