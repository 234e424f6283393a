import { execFile } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tableName } from '../../pkg/kernel/table-name';
import { removePins, sweepPins } from './bpf-pins';
import { root } from './cli';
import { DaemonProcess } from './daemon-process';
import { DockerEngine, dockerAt, engineAddress } from './docker-engine';
import { type HostNetwork, sweepNetworks } from './host-network';
import { endLeftContainers } from './left-containers';
import { lives } from './run-owner';

const exec = promisify(execFile);

// Names of sockets are short.
const parent = '/var/tmp';
const directoryName = /^gilliam-hosts-(\d+)$/;

/** Ports on every host: each is a machine of its own. */
export const hostPorts = {
  api: 4410,
  registry: 4411,
  proxy: 4412,
  dns: 4413,
  http: 8080,
  https: 8443,
} as const;

/** Of this run's hosts. */
export function hostsDirectory(): string {
  return join(parent, `gilliam-hosts-${process.pid}`);
}

export type HostDaemon = 'network' | 'executor' | 'router';

export interface HostStage {
  readonly stage: string;
  readonly stageKey: string;
  readonly executorTokenFile: string;
  /** The data that engines begin with. */
  readonly seed?: string;
  /** Where the control plane listens on the machine that all hosts reach. */
  readonly api: { readonly host: string; readonly port: number };
}

/** A machine of a stage: a network namespace with a Docker Engine and Gilliam's daemons in it. */
export class Host {
  readonly name: string;
  readonly address: string;
  readonly #directory: string;
  /** The table of its virtual IPs goes with its network; what translates them at connect does not. */
  readonly #networkKey: string;
  readonly #engine: DockerEngine;
  readonly #tunnel: DaemonProcess;
  readonly #daemons: Readonly<Record<HostDaemon, DaemonProcess>>;

  constructor(
    private readonly number: number,
    private readonly network: HostNetwork,
    stage: HostStage,
    /** Of its virtual IPs: hosts have one kernel, which translates connections for all of them. */
    private readonly range: string,
  ) {
    this.name = `host-${number}`;
    this.address = network.address(number);
    this.#directory = join(hostsDirectory(), String(number));
    this.#networkKey = `${stage.stageKey}-hosts-${process.pid}-${number}`;
    this.#engine = new DockerEngine({
      directory: this.#directory,
      seed: stage.seed,
      command: network.command(number),
      // Addresses of containers are the same on every host, as they are on machines that nobody has told otherwise.
      options: ['--bip', '172.17.0.1/16'],
    });
    const { api } = stage;
    const forward = ['127.0.0.1', String(hostPorts.api), api.host, String(api.port)];
    this.#tunnel = this.#process('tunnel', forwarder(forward), process.env);
    const daemon = (name: HostDaemon) => {
      const command = [process.execPath, '--enable-source-maps', join(root, `dist/cmd/${name}.js`)] as const;
      return this.#process(name, [...command], this.#settings(name, stage));
    };
    this.#daemons = { network: daemon('network'), executor: daemon('executor'), router: daemon('router') };
  }

  /** Starts the engine and the way to the control plane, and waits for the engine. */
  async start(): Promise<void> {
    this.#tunnel.start();
    await this.#engine.start();
  }

  startDaemon(name: HostDaemon): void {
    this.#daemons[name].start();
  }

  /** kill -9 */
  async killDaemon(name: HostDaemon): Promise<void> {
    await this.#daemons[name].end('SIGKILL');
  }

  running(name: HostDaemon): boolean {
    return this.#daemons[name].running;
  }

  async docker(...args: string[]): Promise<string> {
    return this.#engine.docker(...args);
  }

  /** Runs a command on the host, outside of all containers. */
  run(command: string, ...args: string[]): Promise<string> {
    return this.network.run(this.number, command, ...args);
  }

  /** Runs a command in a running container of the process, with this on its standard input; what it prints. */
  async exec(process: string, command: readonly string[], input = ''): Promise<string> {
    const [file, ...args] = await this.inside(process, ...command);
    const running = exec(file, args, { timeout: 60_000 });
    running.child.stdin?.end(input);
    return (await running).stdout;
  }

  /** The command line that runs a command in a running container of the process, there. */
  async inside(process: string, ...command: string[]): Promise<readonly [string, ...string[]]> {
    const [id] = await this.containers(process);
    if (!id) throw new Error(`no ${process} runs on ${this.name}`);
    return ['docker', '--host', this.#engine.address, 'exec', '--interactive', id, ...command];
  }

  /** Ids of the running containers, or of those of one process. */
  async containers(process?: string): Promise<string[]> {
    const filter = process === undefined ? [] : ['--filter', `label=gilliam.process=${process}`];
    const out = await this.docker('ps', '--quiet', '--no-trunc', ...filter);
    return out.split('\n').filter(Boolean);
  }

  logs(): string {
    return Object.entries(this.#daemons)
      .map(([name, daemon]) => `--- ${this.name} ${name}\n${daemon.tail(5)}`)
      .join('\n');
  }

  /** Ends all that is on it. Never throws: what is left is named by `close` of the network. */
  async stop(): Promise<void> {
    const { executor, router, network } = this.#daemons;
    await Promise.all([executor.end(), router.end()]);
    await network.end();
    await removeContainers(this.#directory);
    await Promise.all([this.#engine.end(), this.#tunnel.end()]);
    await removePins(tableName(this.#networkKey));
  }

  /** Removes what engines have left, and networks in the kernel, of this run or of those that were killed. */
  static async sweep({ own }: { own: boolean }): Promise<void> {
    // Before what they hold is removed, or somebody starts it again.
    if (!own) await sweepNetworks();
    for (const name of readdirSync(parent)) {
      const pid = directoryName.exec(name)?.[1];
      if (!pid || (Number(pid) === process.pid ? !own : lives(pid))) continue;
      const directory = join(parent, name);
      for (const host of readdirSync(directory)) endLeftContainers(join(directory, host));
      // What has been killed takes a moment to be gone.
      rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    }
    await sweepPins({ own });
  }

  #process(name: string, command: readonly string[], env: NodeJS.ProcessEnv): DaemonProcess {
    const log = join(this.#directory, `${name}.log`);
    return new DaemonProcess({ command: [...this.network.command(this.number), ...command], env, log });
  }

  #settings(daemon: HostDaemon, stage: HostStage): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DOCKER_HOST: this.#engine.address,
      GILLIAM_STAGE: stage.stage,
      GILLIAM_STAGE_KEY: daemon === 'network' ? this.#networkKey : stage.stageKey,
      GILLIAM_EXECUTOR_NAME: this.name,
      GILLIAM_EXECUTOR_HOST: this.address,
      GILLIAM_TOKEN_FILE: stage.executorTokenFile,
      GILLIAM_API: `127.0.0.1:${hostPorts.api}`,
      GILLIAM_DATA_DIR: join(this.#directory, 'gilliam', daemon),
      GILLIAM_REGISTRY: `http://127.0.0.1:${hostPorts.registry}`,
      GILLIAM_REGISTRY_ADDRESS: `${this.address}:${hostPorts.registry}`,
      GILLIAM_REGISTRY_PORT: String(hostPorts.registry),
      GILLIAM_PROXY_PORT: String(hostPorts.proxy),
      GILLIAM_DNS_PORT: String(hostPorts.dns),
      GILLIAM_VIRTUAL_RANGE: this.range,
      GILLIAM_HTTP_PORT: String(hostPorts.http),
      GILLIAM_HTTPS_PORT: String(hostPorts.https),
    };
  }
}

/** A program that listens at one address and passes all to another: what `ssh -L` does. */
export function forwarder(args: readonly string[]): string[] {
  const program = `
    const { connect, createServer } = require('node:net');
    const [host, port, toHost, toPort] = process.argv.slice(1);
    createServer((from) => {
      const to = connect(toPort, toHost);
      for (const [one, other] of [[from, to], [to, from]]) {
        one.on('error', () => other.destroy()).on('close', () => other.destroy()).setNoDelay(true);
        one.pipe(other);
      }
    }).listen(port, host);`;
  return [process.execPath, '-e', program, ...args];
}

/** Those of an engine that may have gone already. */
async function removeContainers(directory: string): Promise<void> {
  const docker = (...args: string[]) => dockerAt(engineAddress(directory), ...args);
  const ids = (await docker('ps', '--all', '--quiet').catch(() => '')).split('\n').filter(Boolean);
  if (ids.length > 0) await docker('rm', '--force', ...ids).catch(() => {});
}
