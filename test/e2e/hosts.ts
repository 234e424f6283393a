import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type Client } from '../../pkg/client/client';
import { ExecutorState } from '../../pkg/gen/gilliam/v1/executor';
import { EtcdProcess } from '../../pkg/testing/etcd-process';
import { freePort } from '../../pkg/testing/tcp-proxy';
import { Cli, root, stageName } from './cli';
import { DaemonProcess } from './daemon-process';
import { engineSeed } from './engine-seed';
import { exclusively } from './exclusively';
import { forwarder, Host, hostsDirectory, type HostDaemon } from './host';
import { HostNetwork } from './host-network';
import { claimRange, releaseRange } from './range-claims';

export interface HostsOptions {
  readonly hosts?: number;
  readonly daemons?: readonly HostDaemon[];
  /** Deploys what is to run, before there are hosts: they have the release's image from the beginning. */
  readonly deploy?: (harness: HostsHarness) => Promise<Deployed>;
  /** The stage has an image registry: hosts get images by themselves. */
  readonly images?: boolean;
}

export interface Deployed {
  readonly cwd: string;
  /** `v1` */
  readonly release: string;
}

/**
 * A stage of several machines on one: etcd and a control plane here, and hosts with an executor each. The API listens
 * on loopback, as it asks nobody for TLS there; hosts reach it by a tunnel over the same cables as all else.
 */
export class HostsHarness extends Cli {
  readonly #token = randomBytes(32).toString('base64url');
  readonly #daemons: readonly HostDaemon[];
  readonly #disposals: (() => Promise<void> | void)[] = [];
  #network: HostNetwork | undefined;
  #hosts: readonly Host[] = [];
  #etcd: EtcdProcess | undefined;
  #controlPlane: DaemonProcess | undefined;
  #images: DaemonProcess | undefined;
  #client: Client | undefined;
  #port = 0;

  private constructor(daemons: readonly HostDaemon[]) {
    super(stageName());
    this.#daemons = daemons;
  }

  /** All of it, with the executors ready. `stop` it. */
  static async start({
    hosts = 2,
    daemons = ['network', 'executor', 'router'],
    deploy,
    images = false,
  }: HostsOptions = {}): Promise<HostsHarness> {
    const harness = new HostsHarness(daemons);
    try {
      harness.#disposals.push(() => harness.removeDirectory());
      if (images) harness.#keepImages();
      await harness.#start(hosts, deploy);
      return harness;
    } catch (error) {
      const logs = await harness.logs();
      await harness.stop().catch(() => {});
      throw new Error(`the hosts did not start\n${logs}`, { cause: error });
    }
  }

  /** Counted from 1. */
  host(number: number): Host {
    const host = this.#hosts[number - 1];
    if (!host) throw new Error(`there is no host ${number}`);
    return host;
  }

  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  get network(): HostNetwork {
    if (!this.#network) throw new Error('not started');
    return this.#network;
  }

  /** With the user token. */
  get client(): Client {
    this.#client ??= connect({ address: `127.0.0.1:${this.#port}`, token: this.#token, stage: this.stage });
    return this.#client;
  }

  /** The token of executors, of which announce tokens are made. */
  get executorTokenFile(): string {
    return join(this.directory, 'executor-token');
  }

  /** The stage's image registry goes, or comes back. */
  async setImages(up: boolean): Promise<void> {
    rmSync(this.#imagesSocket, { force: true });
    if (up) this.#images?.start();
    else await this.#images?.end();
  }

  /** Nobody writes, plans or builds any more. */
  async killControl(): Promise<void> {
    await Promise.all([this.#etcd?.kill(), this.#controlPlane?.end('SIGKILL')]);
  }

  async restartControl(): Promise<void> {
    await this.#etcd?.restart();
    this.#controlPlane?.start();
    await this.until('the API answers', async () => (await this.gilliam(['executors'])).code === 0);
  }

  override async logs(): Promise<string> {
    const control = `--- controlplane\n${this.#controlPlane?.tail(5) ?? ''}`;
    return [control, ...this.#hosts.map((host) => host.logs())].join('\n');
  }

  /** Ends all of it, in the order of its parts, each even when one before could not be ended. */
  async stop(): Promise<void> {
    const failures: unknown[] = [];
    for (const dispose of this.#disposals.splice(0).reverse()) {
      await Promise.resolve()
        .then(dispose)
        .catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, 'hosts could not be ended');
  }

  async #start(count: number, deploy: HostsOptions['deploy']): Promise<void> {
    await Host.sweep({ own: false });
    const [network, etcd, port] = await Promise.all([
      HostNetwork.create(count),
      EtcdProcess.start(),
      freePort(),
    ]);
    this.#network = network;
    this.#etcd = etcd;
    this.#port = port;
    this.#disposals.push(
      () => Host.sweep({ own: true }),
      () => network.close(),
      () => etcd.stop(),
    );
    this.#startControlPlane(etcd, port);
    await this.until('the API answers', async () => (await this.gilliam(['executors'])).code === 0);
    const seed = deploy && (await this.#seedOf(deploy));
    const api = { host: network.gateway, port };
    const stage = {
      stage: this.stage,
      stageKey: this.stage,
      executorTokenFile: this.executorTokenFile,
      seed,
      api,
    };
    const ranges = await this.#claimRanges(count);
    this.#hosts = ranges.map((range, index) => new Host(index + 1, network, stage, range));
    this.#disposals.push(async () => {
      await Promise.all(this.#hosts.map((host) => host.stop()));
    });
    await Promise.all(this.#hosts.map((host) => host.start()));
    for (const host of this.#hosts) for (const daemon of this.#daemons) host.startDaemon(daemon);
    await this.until('all executors are ready', async () => {
      const { executors } = await this.client.executors.listExecutors({});
      return executors.filter(({ status }) => status?.state === ExecutorState.READY).length === count;
    });
    for (const host of this.#hosts) for (const daemon of this.#daemons) this.#checkRuns(host, daemon);
  }

  async #claimRanges(count: number): Promise<readonly string[]> {
    const ranges: string[] = [];
    for (let number = 1; number <= count; number++) {
      const name = `host_${number}`;
      ranges.push(await claimRange(name));
      this.#disposals.push(() => releaseRange(name));
    }
    return ranges;
  }

  get #imagesSocket(): string {
    return join(this.directory, 'images.sock');
  }

  /** As the supervisor of a stage does. */
  #keepImages(): void {
    const directory = join(this.directory, 'images');
    mkdirSync(directory);
    const images = new DaemonProcess({
      command: [join(root, 'hack/images.sh'), directory, this.#imagesSocket],
      env: process.env,
      log: join(this.directory, 'images.log'),
    });
    this.#images = images;
    images.start();
    this.#disposals.push(
      () => images.end(),
      () => this.#forgetImages(),
    );
  }

  #checkRuns(host: Host, daemon: HostDaemon): void {
    if (!host.running(daemon)) throw new Error(`${daemon} of ${host.name} has ended`);
  }

  #startControlPlane(etcd: EtcdProcess, port: number): void {
    const userTokenFile = join(this.directory, 'user-token');
    writeFileSync(userTokenFile, this.#token);
    writeFileSync(this.executorTokenFile, randomBytes(32).toString('base64url'));
    const stages = join(this.directory, 'home/stages');
    mkdirSync(stages, { recursive: true });
    const file = { stage: this.stage, api: `127.0.0.1:${port}`, token: this.#token };
    writeFileSync(join(stages, `${this.stage}.json`), JSON.stringify(file));
    const controlPlane = new DaemonProcess({
      command: [process.execPath, '--enable-source-maps', join(root, 'dist/cmd/controlplane.js')],
      env: {
        ...process.env,
        GILLIAM_STAGE: this.stage,
        GILLIAM_STAGE_KEY: this.stage,
        GILLIAM_ETCD: etcd.endpoint,
        GILLIAM_LISTEN: `127.0.0.1:${port}`,
        GILLIAM_USER_TOKEN_FILE: userTokenFile,
        GILLIAM_EXECUTOR_TOKEN_FILE: this.executorTokenFile,
        GILLIAM_IDENTITY: 'control',
        GILLIAM_BASE_IMAGE: 'gilliam/base:bookworm',
        GILLIAM_IMAGES: this.#images && `unix:${this.#imagesSocket}`,
      },
      log: join(this.directory, 'controlplane.log'),
    });
    const tunnel = new DaemonProcess({
      command: forwarder([this.network.gateway, String(port), '127.0.0.1', String(port)]) as [string],
      env: process.env,
      log: join(this.directory, 'tunnel.log'),
    });
    this.#controlPlane = controlPlane;
    controlPlane.start();
    tunnel.start();
    this.#disposals.push(
      () => this.#client?.close(),
      () => tunnel.end(),
      () => controlPlane.end(),
    );
  }

  /** One harness at a time, so that what is built twice is the same image. It is kept for the next, under one name. */
  #seedOf(deploy: NonNullable<HostsOptions['deploy']>): Promise<string> {
    this.#disposals.push(() => this.#forgetImages());
    return exclusively('engine-seed', async () => {
      const image = await this.#imageOf(await deploy(this));
      await this.docker('tag', image, 'gilliam-e2e:hosts');
      return engineSeed(image, join(hostsDirectory(), 'seed'));
    });
  }

  async #forgetImages(): Promise<void> {
    const format = ['--format', '{{.Repository}}:{{.Tag}}'];
    const named = await this.docker('image', 'ls', ...format, `gilliam/${this.stage}/*`);
    const names = named.split('\n').filter(Boolean);
    if (names.length > 0) await this.docker('image', 'rm', '--no-prune', ...names);
  }

  async #imageOf({ cwd, release: name }: Deployed): Promise<string> {
    const releases = await this.json<{ metadata: { name: string }; spec: { image: string } }[]>(
      ['releases'],
      { cwd },
    );
    const image = releases.find(({ metadata }) => metadata.name === name)?.spec.image;
    if (!image) throw new Error(`${name} has no image`);
    return image;
  }
}
