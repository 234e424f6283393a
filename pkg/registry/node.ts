import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { InvalidError } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { Asker } from './access';
import { parseAnnouncement } from './announcement';
import type { Step } from './core';
import { RegistryCore } from './core';
import { formatKey, parseKey } from './entry-key';
import { FollowerHub } from './follower-hub';
import type { Peer } from './gossip';
import { Gossip } from './gossip';
import { RegistryHttp } from './http/registry-http';
import { InstanceTable } from './instance-table';
import { PeerReports } from './peer-reports';
import { RemoteFollowers } from './remote-followers';
import type { Resolution } from './resolution';
import { resolutionOf } from './resolution';
import { parseServiceName } from './service-name';
import type { RegistryLimits, RegistryTimes } from './settings';
import { defaultLimits, defaultTimes } from './settings';
import { StateFile } from './state-file';
import type { RegistryStatus, VirtualIpStatus } from './status';
import { statusOf } from './status';
import { StepPublisher } from './step-publisher';
import { TrafficBoard, type TrafficLine } from './traffic';
import { HttpTransport } from './transport';
import type {
  Announcement,
  Entry,
  EntryKey,
  Follower,
  Identities,
  Identity,
  InstanceNetwork,
  RegistryView,
  ServiceName,
  Withdrawal,
} from './types';
import { formatGossip } from './wire';
import { withTold } from './with-told';
import type { AckReport } from './withdrawals';
import { Withdrawals } from './withdrawals';

export interface RegistryNodeOptions {
  /** The executor's name. */
  readonly name: string;
  /** Host and port that peers reach it by; absent on a stage of a single machine. */
  readonly address?: string;
  /** The stage's executor token. */
  readonly token: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** What is to outlast a restart is kept here; absent: nothing is. */
  readonly dataDir?: string;
  /** What instances on this executor are given. */
  readonly environment: () => InstanceNetwork;
  /** The name's virtual IP on this executor. Absent where there are none. */
  readonly virtualIp?: (name: ServiceName) => Promise<string | undefined>;
  /** What the proxy of this process has sent. */
  readonly traffic?: () => readonly TrafficLine[];
  /** How virtual IPs are translated by this process. Absent where it keeps none. */
  readonly virtualIpStatus?: () => VirtualIpStatus;
  /** What has gone through the virtual IPs that this process keeps. */
  readonly virtualIpTraffic?: () => readonly TrafficLine[];
  readonly times?: Partial<RegistryTimes>;
  readonly limits?: Partial<RegistryLimits>;
}

export interface WithdrawOptions {
  /** Whose word it is. Default the agent's. */
  readonly source?: Entry['source'];
  /** How long to wait for everybody who may send something there. Default not at all. */
  readonly waitMs?: number;
}

export interface ListenAt {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

/** The registry on one executor. */
export class RegistryNode implements RegistryView, Identities {
  readonly name: string;
  readonly times: RegistryTimes;
  readonly limits: RegistryLimits;
  /** What is sent to services from this executor. */
  readonly traffic: TrafficBoard;
  readonly #options: RegistryNodeOptions;
  readonly #core: RegistryCore;
  readonly #hub: FollowerHub;
  readonly #remotes: RemoteFollowers;
  readonly #gossip: Gossip;
  readonly #withdrawals: Withdrawals;
  readonly #reports: PeerReports;
  readonly #transport: HttpTransport;
  readonly #http: RegistryHttp;
  readonly #file?: StateFile;
  /** Of this life of the node. */
  readonly #epoch: string;
  readonly #publisher: StepPublisher;
  /** Followers of this process: what they drive may outlive them. */
  readonly #local = new Set<string>();
  readonly #graces: Disposable[] = [];
  readonly #instances = new InstanceTable();
  #timer?: Disposable;
  #closed = false;

  constructor(options: RegistryNodeOptions) {
    const { name, clock, random, log, token } = options;
    this.#options = options;
    this.name = name;
    this.#epoch = random.uuid();
    this.traffic = new TrafficBoard({
      clock,
      proxy: options.traffic,
      virtualIp: options.virtualIpTraffic,
    });
    this.times = { ...defaultTimes, ...options.times };
    this.limits = { ...defaultLimits, ...options.limits };
    const { times, limits } = this;
    this.#core = new RegistryCore({ name, clock, times, limits, onStep: (step) => this.#onStep(step) });
    this.#hub = new FollowerHub({ log, all: () => this.#core.index.all() });
    this.#remotes = new RemoteFollowers({
      node: name,
      session: random.uuid(),
      clock,
      times,
      hub: this.#hub,
      view: this,
      all: () => this.#core.index.all(),
      onNames: () => this.#file?.changed(),
    });
    this.#transport = new HttpTransport({ token, clock, timeoutMs: times.peerTimeoutMs });
    this.#gossip = new Gossip({
      ...{ name, core: this.#core, clock, random, log, times, limits },
      transport: this.#transport,
    });
    this.#withdrawals = new Withdrawals({ clock, isUp: (node) => this.#core.liveness.mayBeUp(node) });
    this.#reports = new PeerReports({
      clock,
      log,
      transport: this.#transport,
      addressOf: (node) => this.#addressOf(node),
    });
    this.#publisher = new StepPublisher({
      ...{ name, clock, hub: this.#hub },
      report: (origin, report) => this.#report(origin, report),
    });
    this.#file = options.dataDir === undefined ? undefined : new StateFile(options.dataDir, options);
    this.#http = new RegistryHttp({
      node: this,
      remotes: this.#remotes,
      token,
      clock,
      random,
      log,
      times,
      limits,
    });
    this.#restore();
  }

  /** Listens, and begins to live. Answers the ports, in the order that was asked for. */
  async listen(at: readonly ListenAt[]): Promise<readonly number[]> {
    const ports = await this.#http.listen(at);
    if (!this.#timer) this.#schedule();
    return ports;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.dispose();
    for (const grace of this.#graces) grace.dispose();
    this.#gossip.close();
    this.#reports.close();
    await this.#http.close();
    this.#remotes.close();
    await this.#transport.close();
    await this.#file?.close();
  }

  lookup(name: ServiceName): readonly Entry[] {
    return this.#core.index.lookup(name);
  }

  formations(): readonly string[] {
    return this.#core.index.formations();
  }

  services(formation: string): readonly string[] {
    return this.#core.index.services(formation);
  }

  follow(follower: Follower): Disposable {
    const following = this.#hub.follow(follower);
    this.#local.add(follower.name);
    this.#file?.changed();
    return following;
  }

  identify(address: string): Identity | undefined {
    return this.#instances.identify(address);
  }

  /** Which instance has which address of this executor's container network. */
  get instances(): ReadonlyMap<string, Identity> {
    return this.#instances.all;
  }

  /** Calls back after the agent has told which instances there are. */
  onInstances(listener: () => void): Disposable {
    return this.#instances.onSet(listener);
  }

  /**
   * Announces, or renews what is the same already; answers whether it was new. Throws InvalidError, DeniedError for what
   * is not the announcer's, ExhaustedError.
   */
  announce(key: EntryKey, body: Announcement, source: Entry['source'] = 'agent'): boolean {
    checkKey(key);
    const parsed = parseAnnouncement(body, source, this.limits);
    return this.#core.announce(
      key,
      source === 'agent' ? withTold(parsed, this.lookup(key)[0]?.body) : parsed,
      source,
    );
  }

  /** Withdraws; with `waitMs`, waits until all nodes that are up say that nothing is sent there any more. */
  async withdraw(key: EntryKey, options: WithdrawOptions = {}, signal?: AbortSignal): Promise<Withdrawal> {
    checkKey(key);
    const { source = 'agent', waitMs = 0 } = options;
    const awaited = waitMs > 0;
    const up = this.#gossip.peers.map(({ name }) => name).filter((peer) => this.#core.liveness.mayBeUp(peer));
    const recorded = this.#core.withdraw(key, source, awaited);
    if (!recorded || !awaited) return { acknowledged: [], missing: [] };
    return this.#withdrawals.wait(recorded.version, [this.name, ...up], waitMs, signal);
  }

  get peers(): readonly Peer[] {
    return this.#gossip.peers;
  }

  /** The other nodes of the stage: only they are listened to. Kept over restarts. */
  setPeers(peers: readonly Peer[]): void {
    this.#takePeers(peers);
    this.#file?.changed();
  }

  /** Which instance has which address of this executor's container network. The full table. */
  setInstances(table: Readonly<Record<string, Identity>>): void {
    this.#instances.set(table);
  }

  environment(): InstanceNetwork {
    return { ...this.#options.environment(), epoch: this.#epoch };
  }

  /** Throws InvalidError for what is no name, NotFoundError with the nearest names that the asker may use for an unknown one. */
  async resolve(text: string, asker: Asker): Promise<Resolution> {
    const name = parseServiceName(text);
    if (!name) {
      throw new InvalidError(
        `${JSON.stringify(text.slice(0, 64))} is not a name: give it as web.shop.service, 1.web.shop.service or v2.web.shop.service`,
      );
    }
    const virtualIp = await this.#options.virtualIp?.(name);
    return resolutionOf(name, this, {
      node: this.name,
      nowMs: this.#options.clock.monotonic(),
      virtualIp,
      asker,
    });
  }

  status(): RegistryStatus {
    return statusOf({
      name: this.name,
      address: this.#options.address,
      core: this.#core,
      peers: this.#gossip.status(),
      followers: this.#hub.names.map((name) => ({ name, ...this.#remotes.statusOf(name) })),
      instances: this.#instances.all.size,
      maxClockAheadMs: this.times.maxClockAheadMs,
      virtualIps: this.#options.virtualIpStatus?.(),
    });
  }

  /** What a peer says; the answer to it, as text. */
  receive(message: unknown): string {
    return formatGossip(this.#gossip.receive(message));
  }

  /** What peers say about withdrawals that this node waits for. */
  receiveReports(value: unknown): void {
    for (const report of PeerReports.parse(value)) this.#withdrawals.report(report);
  }

  /** Changes whenever an answer about the formation, or its service, does. */
  revision(formation: string, service?: string): number {
    return this.#core.index.revision(formation, service);
  }

  /** Calls back after each step, with the formations in which something has changed. */
  onChange(listener: (formations: ReadonlySet<string>) => void): Disposable {
    return this.#publisher.onChange(listener);
  }

  #onStep(step: Step): void {
    this.#publisher.publish(step);
    if (!step.own) return;
    this.#gossip.changed();
    this.#file?.changed();
  }

  #report(origin: string, report: AckReport): void {
    // Whoever withdraws here begins to wait only after this step.
    if (origin === this.name) queueMicrotask(() => this.#withdrawals.report(report));
    else this.#reports.send(origin, report);
  }

  #schedule(): void {
    const { tickMs } = this.times;
    // Nodes that were started together do not stay in step.
    const delayMs = tickMs * (0.9 + 0.2 * this.#options.random.next());
    this.#timer = this.#options.clock.after(delayMs, () => {
      if (this.#closed) return;
      this.#core.tick();
      this.#gossip.tick();
      this.#withdrawals.tick();
      this.#file?.tick(this.#core.externalOwn > 0);
      this.#schedule();
    });
  }

  #addressOf(node: string): string | undefined {
    return this.#gossip.peers.find(({ name }) => name === node)?.address;
  }

  #restore(): void {
    const saved = this.#file?.load(() => this.#saved());
    if (!saved) return;
    this.#core.restore(saved.own, saved.awayMs ?? 0);
    this.#remotes.expect(saved.followers);
    for (const name of saved.local ?? []) this.#expect(name);
    this.#takePeers(saved.peers);
  }

  #expect(name: string): void {
    this.#local.add(name);
    const expected = this.#hub.expect(name);
    this.#graces.push(this.#options.clock.after(this.times.followerGraceMs, () => expected.dispose()));
  }

  #takePeers(peers: readonly Peer[]): void {
    this.#transport.keepOnly(peers.map(({ address }) => address));
    this.#gossip.setPeers(peers);
  }

  #saved() {
    const { names: followers } = this.#remotes;
    return { peers: this.#gossip.peers, followers, local: [...this.#local], own: this.#core.save() };
  }
}

function checkKey(key: EntryKey): void {
  if (parseKey(formatKey(key))) return;
  throw new InvalidError(
    `${JSON.stringify(formatKey(key).slice(0, 64))} cannot be announced: use <formation>/<service>.<instance> in lower-case letters, digits and hyphens`,
  );
}
