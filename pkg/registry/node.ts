import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { InvalidError } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import { parseAnnouncement } from './announcement';
import { reportConfirmations } from './confirmations';
import type { Awaited, Step } from './core';
import { RegistryCore } from './core';
import { formatKey, parseKey } from './entry-key';
import type { Pending } from './follower-hub';
import { FollowerHub } from './follower-hub';
import type { Peer } from './gossip';
import { Gossip } from './gossip';
import { RegistryHttp } from './http/registry-http';
import { PeerReports } from './peer-reports';
import { RemoteFollowers } from './remote-followers';
import type { Resolution } from './resolution';
import { resolutionOf } from './resolution';
import { parseServiceName } from './service-name';
import type { RegistryLimits, RegistryTimes } from './settings';
import { defaultLimits, defaultTimes } from './settings';
import { StateFile } from './state-file';
import type { RegistryStatus } from './status';
import { statusOf } from './status';
import { TrafficBoard, type TrafficLine } from './traffic';
import { HttpTransport } from './transport';
import type {
  Announcement,
  Changes,
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
  readonly #changeListeners = new Set<(formations: ReadonlySet<string>) => void>();
  /** Followers of this process: what they drive may outlive them. */
  readonly #local = new Set<string>();
  /** Since when each peer is one. */
  readonly #peerSinceMs = new Map<string, number>();
  readonly #graces: Disposable[] = [];
  #instances: ReadonlyMap<string, Identity> = new Map();
  readonly #instanceListeners = new Set<() => void>();
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
    this.#withdrawals = new Withdrawals({ clock, isUp: (node) => this.#mayBeUp(node) });
    this.#reports = new PeerReports({
      clock,
      log,
      transport: this.#transport,
      addressOf: (node) => this.#addressOf(node),
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
    return this.#instances.get(address);
  }

  /** Which instance has which address of this executor's container network. */
  get instances(): ReadonlyMap<string, Identity> {
    return this.#instances;
  }

  /** Calls back after the agent has told which instances there are. */
  onInstances(listener: () => void): Disposable {
    this.#instanceListeners.add(listener);
    return { dispose: () => void this.#instanceListeners.delete(listener) };
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
    const up = this.#gossip.peers.map(({ name }) => name).filter((peer) => this.#mayBeUp(peer));
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
    const before = this.#instances;
    const pairs = Object.entries(table).map(([address, one]): [string, Identity] => {
      const known = before.get(address);
      // As in announcements: what the agent does not know yet stays as it was.
      const same = known !== undefined && formatKey(known) === formatKey(one);
      return [address, same ? { imports: known.imports, sharedWith: known.sharedWith, ...one } : one];
    });
    this.#instances = new Map(pairs);
    for (const listener of [...this.#instanceListeners]) listener();
  }

  environment(): InstanceNetwork {
    return { ...this.#options.environment(), epoch: this.#epoch };
  }

  /** Throws InvalidError for what is no name, NotFoundError with the nearest name for an unknown one. */
  async resolve(text: string): Promise<Resolution> {
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
    });
  }

  status(): RegistryStatus {
    return statusOf({
      name: this.name,
      address: this.#options.address,
      core: this.#core,
      peers: this.#gossip.status(),
      followers: this.#hub.names.map((name) => ({ name, ...this.#remotes.statusOf(name) })),
      instances: this.#instances.size,
      maxClockAheadMs: this.times.maxClockAheadMs,
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
    this.#changeListeners.add(listener);
    return { dispose: () => void this.#changeListeners.delete(listener) };
  }

  #onStep(step: Step): void {
    this.#publish(step);
    if (step.own) this.#gossip.changed();
    if (step.own) this.#file?.changed();
    if (step.changes.length === 0 || this.#changeListeners.size === 0) return;
    const formations = new Set(step.changes.map(({ path }) => path.slice(0, path.indexOf('/'))));
    for (const listener of [...this.#changeListeners]) listener(formations);
  }

  /** Tells followers. What somebody waits for is told apart: it is confirmed without waiting for anything else. */
  #publish({ changes, awaited }: Step): void {
    if (this.#hub.names.length > 0) {
      const apart = new Set(awaited.map(({ item }) => item.path));
      const together = changes.filter(({ path }) => !apart.has(path));
      if (together.length > 0) this.#hub.publish(changesOf(together));
    }
    for (const one of awaited) {
      const own = changesOf(changes.filter(({ path }) => path === one.item.path));
      if (own.announced.length + own.withdrawn.length > 0) this.#hub.publish(own);
      this.#confirm(one, this.#hub.settled(one.item.path));
    }
  }

  /** Tells the origin of a withdrawal when nothing is sent there from here any more. */
  #confirm({ origin, item }: Awaited, pending: readonly Pending[]): void {
    reportConfirmations(pending, {
      version: item.version,
      node: this.name,
      clock: this.#options.clock,
      send: (report) => {
        // Whoever withdraws here begins to wait only after this step.
        if (origin === this.name) queueMicrotask(() => this.#withdrawals.report(report));
        else this.#reports.send(origin, report);
      },
    });
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
    const now = this.#options.clock.monotonic();
    const names = new Set(peers.map(({ name }) => name));
    for (const name of this.#peerSinceMs.keys()) if (!names.has(name)) this.#peerSinceMs.delete(name);
    for (const name of names) if (!this.#peerSinceMs.has(name)) this.#peerSinceMs.set(name, now);
    this.#transport.keepOnly(peers.map(({ address }) => address));
    this.#gossip.setPeers(peers);
  }

  /** Who was never heard of may be up as well as down, until it has been silent for as long as any other. */
  #mayBeUp(node: string): boolean {
    const { liveness } = this.#core;
    if (liveness.heardMs(node) !== undefined) return liveness.isUp(node);
    const sinceMs = this.#peerSinceMs.get(node);
    return sinceMs !== undefined && this.#options.clock.monotonic() - sinceMs < this.times.nodeLivenessMs;
  }

  #saved() {
    const { names: followers } = this.#remotes;
    return { peers: this.#gossip.peers, followers, local: [...this.#local], own: this.#core.save() };
  }
}

function changesOf(changes: Step['changes']): Changes {
  return {
    announced: changes.flatMap(({ after }) => after ?? []),
    withdrawn: changes.flatMap(({ before }) => before ?? []),
  };
}

function checkKey(key: EntryKey): void {
  if (parseKey(formatKey(key))) return;
  throw new InvalidError(
    `${JSON.stringify(formatKey(key).slice(0, 64))} cannot be announced: use <formation>/<service>.<instance> in lower-case letters, digits and hyphens`,
  );
}
