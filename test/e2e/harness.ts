import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StageConfig } from '../../pkg/stage/config';
import { findRunning, type ProcessRecord } from '../../pkg/stage/process-record';
import { Cli, stageName, type CommandResult } from './cli';
import { exclusively } from './exclusively';
import { endOfLog } from './failure';
import { holdRange, releaseRange } from './range-claims';

export type { CommandOptions, CommandResult } from './cli';

// In the order in which they are ended when the stage itself has not done so.
const components = ['supervisor', 'router', 'network', 'executor', 'controlplane', 'etcd'] as const;
export type Component = (typeof components)[number];

export interface StageOptions {
  /** Instances' ports count up from here. Each file of tests has a hundred of its own, as two may run at a time. */
  readonly hostPortBase?: number;
  /** The stage finds its own ports itself, as for a person. Default those just below the instances'. */
  readonly findsPorts?: boolean;
  readonly bin?: string;
  readonly stage?: string;
}

/**
 * A stage of a test's own, started by the real `gilliam up`: its own home, data, ports, and host ports. It shares the
 * machine's Docker Engine with others, which is what stages do.
 */
export class StageHarness extends Cli {
  readonly data: string;
  readonly hostPortBase: number;
  readonly #ports: readonly string[];

  private constructor({ hostPortBase = 12_000, findsPorts = false, bin, stage = stageName() }: StageOptions) {
    super(stage, bin);
    this.hostPortBase = hostPortBase;
    this.data = join(this.directory, 'data', stage);
    const ports = { port: hostPortBase - 10, 'http-port': hostPortBase - 2, 'https-port': hostPortBase - 1 };
    // What is killed leaves its port for a moment, in which another stage that looks for free ones would take it.
    this.#ports = findsPorts
      ? []
      : Object.entries(ports).flatMap(([flag, port]) => [`--${flag}`, String(port)]);
  }

  /** A stage that is not up yet. */
  static prepare(options: StageOptions = {}): StageHarness {
    return new StageHarness(options);
  }

  static async start(options: StageOptions = {}): Promise<StageHarness> {
    const harness = StageHarness.prepare(options);
    try {
      await harness.up();
      return harness;
    } catch (error) {
      await harness.stop().catch(() => {});
      throw error;
    }
  }

  /** Where published ports are reached: default on loopback only. */
  async up({ host = '127.0.0.1' }: { readonly host?: string } = {}): Promise<CommandResult> {
    const hostPorts = ['--host', host, '--host-port-base', String(this.hostPortBase)];
    // A range of virtual IPs is free until rules speak of it; those of the stage itself are there while it is up.
    return exclusively('up', async () => {
      const result = await this.succeed(['up', ...this.#ports, ...hostPorts], { timeoutMs: 170_000 });
      const { network } = this.config<StageConfig>();
      // Where rules cannot be made there are no virtual IPs either.
      if (network) await holdRange(this.stage, network.virtualRange).catch(() => {});
      return result;
    });
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
    return `${this.stage}-${this.config<{ id: string }>().id}`;
  }

  /** What the stage is made of. */
  config<T>(): T {
    return JSON.parse(readFileSync(join(this.data, 'stage.json'), 'utf8')) as T;
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

  /** The ends of all logs, for the message of a test that fails. */
  override async logs(): Promise<string> {
    return components
      .map((name) => {
        const path = join(this.data, 'logs', `${name}.log`);
        const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
        return `--- ${name}\n${endOfLog(text, 5)}`;
      })
      .join('\n');
  }

  /** Ends all that the stage has started, and removes its traces. */
  async stop(): Promise<void> {
    const known = existsSync(join(this.data, 'stage.json')) ? this.key : undefined;
    const { code, stderr } = await this.gilliam(['down', '--forget'], { timeoutMs: 120_000 });
    for (const component of components) {
      if (this.process(component)) this.kill(component);
    }
    if (known) {
      const left = await this.docker('ps', '--all', '--quiet', '--filter', `label=gilliam.stage=${known}`);
      if (left) await this.docker('rm', '--force', ...left.trim().split('\n'));
    }
    await releaseRange(this.stage);
    this.removeDirectory();
    if (code !== 0) throw new Error(`gilliam down --forget: exit ${code}\n${stderr}`);
  }
}
