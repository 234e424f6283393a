import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { DeadlineError, InvalidError, messageOf, PreconditionError, UnavailableError } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { RegistryCore } from './core';
import { NEVER } from './hybrid-clock';
import type { Push } from './outbox';
import { Outbox } from './outbox';
import { blocksOf } from './pass-on';
import type { RegistryLimits, RegistryTimes } from './settings';
import type { Transport } from './transport';
import type { GossipMessage } from './wire';
import { formatGossip, parseGossip } from './wire';

/** Another node. */
export interface Peer {
  readonly name: string;
  /** Host and port of its HTTP server. */
  readonly address: string;
}

/** What is known of a peer as such. */
export interface PeerStatus extends Peer {
  readonly up: boolean;
  /** Since it was last known to live; absent when it was never heard of. */
  readonly ageMs?: number;
  /** By how much its clock is ahead of ours. */
  readonly clockAheadMs?: number;
  /** Why the last attempt to speak to it has failed. */
  readonly error?: string;
}

export interface GossipOptions {
  readonly name: string;
  readonly core: RegistryCore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly times: RegistryTimes;
  readonly limits: RegistryLimits;
  readonly transport: Transport;
}

/** How many peers a node asks for what it has said itself before a restart, or when it meets new ones. */
const recoveryPeers = 4;
/** Rounds of one comparison: each is bounded, and a new node has much to learn. */
const maxRounds = 256;

/** Spreads what a node knows, and learns what others do. */
export class Gossip {
  readonly #options: GossipOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #clockAheadMs = new Map<string, number>();
  readonly #errors = new Map<string, string>();
  readonly #busy = new Set<string>();
  readonly #comparing = new Set<string>();
  readonly #outbox = new Outbox((peer, pushes) => this.#deliver(peer, pushes));
  #push?: Disposable;
  /** A change came while the last push was too recent. */
  #pushAgain = false;
  #pushed = NEVER;
  /** Of whom it was said that their clock is far ahead. */
  readonly #warned = new Set<string>();
  #recovering = false;
  #inbound = false;
  #closed = false;

  constructor(options: GossipOptions) {
    this.#options = options;
  }

  get peers(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  setPeers(peers: readonly Peer[]): void {
    const others = peers.filter(({ name }) => name !== this.#options.name);
    const news = others.filter(({ name, address }) => this.#peers.get(name)?.address !== address);
    this.#peers.clear();
    for (const peer of others) this.#peers.set(peer.name, peer);
    for (const map of [this.#clockAheadMs, this.#errors]) {
      for (const name of map.keys()) if (!this.#peers.has(name)) map.delete(name);
    }
    this.#options.core.setMembers(others.map(({ name }) => name));
    if (!this.#options.core.complete) void this.#recover();
    else for (const peer of news.slice(0, recoveryPeers)) void this.compareWith(peer);
  }

  status(): readonly PeerStatus[] {
    const { core, clock } = this.#options;
    return this.peers.map((peer) => {
      const heardMs = core.liveness.heardMs(peer.name);
      return {
        ...peer,
        up: core.liveness.isUp(peer.name),
        ...(heardMs === undefined ? {} : { ageMs: Math.round(clock.monotonic() - heardMs) }),
        ...(this.#clockAheadMs.has(peer.name) ? { clockAheadMs: this.#clockAheadMs.get(peer.name) } : {}),
        ...(this.#errors.has(peer.name) ? { error: this.#errors.get(peer.name) } : {}),
      };
    });
  }

  /** Compares with one peer at random; and with one of those that are silent, who may be back. */
  tick(): void {
    const { core } = this.#options;
    if (!core.complete) void this.#recover();
    const up = this.peers.filter(({ name }) => core.liveness.isUp(name));
    const silent = this.peers.filter(({ name }) => !core.liveness.isUp(name));
    this.#compareWithOne('up', up);
    this.#compareWithOne('silent', silent);
  }

  /** Tells peers what was recorded here: at once, or with what follows soon after. */
  changed(): void {
    if (this.#push) {
      this.#pushAgain = true;
      return;
    }
    // With all that is recorded in this turn.
    queueMicrotask(() => this.#pushNow());
    this.#push = this.#options.clock.after(this.#options.times.pushIntervalMs, () => {
      this.#push = undefined;
      if (!this.#pushAgain) return;
      this.#pushAgain = false;
      this.changed();
    });
  }

  /** What a peer says, and the answer. Throws InvalidError, or PreconditionError where a clock is wrong. */
  receive(value: unknown): GossipMessage {
    const message = parseGossip(value);
    this.#checkClock(message);
    const { core } = this.#options;
    const peer = this.#peers.get(message.from);
    if (peer) {
      core.liveness.heardDirectly(peer.name);
      this.#inbound = true;
    }
    this.#learn(message, peer);
    for (const push of message.pushes ?? []) this.#pass(push, push.passTo);
    if (!message.digests) return this.#message({});
    const { deltas, digests } = core.compare(message.digests);
    return this.#message({ deltas, beats: digests });
  }

  /** Compares what both know, and levels it. Answers whether the peer has answered. */
  async compareWith(peer: Peer): Promise<boolean> {
    if (this.#busy.has(peer.name) || this.#closed) return false;
    this.#busy.add(peer.name);
    try {
      for (let round = 0; round < maxRounds && (await this.#compareOnce(peer)); round++);
      this.#errors.delete(peer.name);
      return true;
    } catch (error) {
      this.#failed(peer, error);
      return false;
    } finally {
      this.#busy.delete(peer.name);
    }
  }

  close(): void {
    this.#closed = true;
    this.#push?.dispose();
  }

  /** Answers whether there is more to say. */
  async #compareOnce(peer: Peer): Promise<boolean> {
    const { core } = this.#options;
    const answer = await this.#send(peer, { digests: core.digests() });
    this.#learn(answer, undefined);
    const { deltas } = core.compare(answer.beats ?? []);
    if (deltas.length > 0) await this.#send(peer, { deltas });
    // A delta that ends before what its sender knows was cut short.
    const known = new Map(answer.beats?.map(({ origin, newest }) => [origin, newest]));
    const mine = new Map(core.digests().map(({ origin, newest }) => [origin, newest]));
    return (
      (answer.deltas?.some(({ origin, newest }) => newest < (known.get(origin) ?? NEVER)) ?? false) ||
      deltas.some(({ origin, newest }) => newest < (mine.get(origin) ?? NEVER))
    );
  }

  #learn(message: GossipMessage, peer: Peer | undefined): void {
    const { core } = this.#options;
    const pushes = message.pushes ?? [];
    core.hear([
      ...(message.digests ?? []),
      ...(message.beats ?? []),
      ...pushes.flatMap(({ beat }) => beat ?? []),
    ]);
    const deltas = [...(message.deltas ?? []), ...pushes.map(({ delta }) => delta)];
    const gap = deltas.length > 0 && core.receive(deltas);
    if (gap && peer) this.#compareWithOne('gap', [peer]);
    for (const origin of core.refused) this.#warn(origin, 'its times are far ahead');
  }

  /**
   * One comparison of a kind at a time: where they take longer than they should, more of them would tell everybody the
   * same things at once.
   */
  #compareWithOne(kind: string, peers: readonly Peer[]): void {
    const peer = peers[Math.floor(this.#options.random.next() * peers.length)];
    if (!peer || this.#comparing.has(kind)) return;
    this.#comparing.add(kind);
    void this.compareWith(peer).finally(() => this.#comparing.delete(kind));
  }

  #pushNow(): void {
    const { core, name } = this.#options;
    // The clock was set right, and all is said anew.
    if (this.#pushed > core.ownNewest) this.#pushed = NEVER;
    if (!core.complete || core.ownNewest <= this.#pushed || this.#closed) return;
    const delta = core.ownDelta(this.#pushed);
    this.#pushed = core.ownNewest;
    const beat = core.digests().find(({ origin }) => origin === name);
    this.#pass({ delta, beat }, this.#ring());
  }

  /** All peers that are not known to be silent, beginning after ourselves: each node passes on to the same few others. */
  #ring(): readonly string[] {
    const { core, name } = this.#options;
    const names = [...this.#peers.keys()]
      .filter((peer) => core.liveness.isUp(peer) || core.liveness.heardMs(peer) === undefined)
      .sort();
    const after = names.findIndex((peer) => peer > name);
    return after < 0 ? names : [...names.slice(after), ...names.slice(0, after)];
  }

  /** Sends to a few, each of whom passes on to a share of the rest. */
  #pass(push: Omit<Push, 'passTo'>, names: readonly string[]): void {
    const known = names.filter((name) => this.#peers.has(name));
    for (const [head, ...passTo] of blocksOf(known, this.#options.limits.fanOut)) {
      if (head !== undefined) this.#outbox.add(head, { ...push, passTo });
    }
  }

  /** Whoever fails is passed over. */
  async #deliver(name: string, pushes: readonly Push[]): Promise<void> {
    const peer = this.#peers.get(name);
    if (this.#closed) return;
    try {
      if (peer) await this.#send(peer, { pushes });
      else for (const push of pushes) this.#pass(push, push.passTo);
    } catch (error) {
      if (peer) this.#failed(peer, error);
      // Whoever is merely slow may have passed it on: to say it again would make everybody slower.
      if (error instanceof DeadlineError) return;
      for (const push of pushes) this.#pass(push, push.passTo);
    }
  }

  async #recover(): Promise<void> {
    if (this.#recovering || this.#peers.size === 0) return;
    this.#recovering = true;
    try {
      const { core } = this.#options;
      const asked = this.#shuffled().slice(0, recoveryPeers);
      const answered = await Promise.all(asked.map((peer) => this.compareWith(peer)));
      // Whoever reaches us, but not we them, has told us in turn.
      if (answered.includes(true) || this.#inbound) core.finishRecovery();
    } finally {
      this.#recovering = false;
    }
  }

  #shuffled(): readonly Peer[] {
    return this.peers
      .map((peer) => ({ peer, at: this.#options.random.next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ peer }) => peer);
  }

  async #send(peer: Peer, content: Partial<GossipMessage>): Promise<GossipMessage> {
    const { transport, core } = this.#options;
    const answer = await transport.post(peer.address, '/-/gossip', formatGossip(this.#message(content)));
    if (answer.status !== 200) {
      throw new UnavailableError(`${peer.name} answers ${answer.status}: ${answer.text.slice(0, 300)}`);
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(answer.text);
    } catch (error) {
      throw new InvalidError(`${peer.name} answers what is no JSON`, [], { cause: error });
    }
    const message = parseGossip(parsed);
    if (message.from !== peer.name) {
      throw new PreconditionError(`at ${peer.address} is ${message.from}, and not ${peer.name}`);
    }
    this.#checkClock(message);
    core.liveness.heardDirectly(peer.name);
    return message;
  }

  #message(content: Partial<GossipMessage>): GossipMessage {
    return { from: this.#options.name, wallMs: this.#options.clock.now(), ...content };
  }

  /** Whose clock is far ahead is not listened to. What others pass on of him, the core refuses by itself. */
  #checkClock({ from, wallMs }: GossipMessage): void {
    const { clock, times, name, core } = this.#options;
    const aheadMs = Math.round(wallMs - clock.now());
    if (this.#peers.has(from)) this.#clockAheadMs.set(from, aheadMs);
    if (aheadMs <= times.maxClockAheadMs) {
      if (!core.refused.includes(from)) this.#warned.delete(from);
      return;
    }
    const ahead = `${Math.round(aheadMs / 1_000)} s ahead`;
    this.#warn(from, ahead);
    throw new PreconditionError(
      `the clock of ${from} is ${ahead} of that of ${name}: set the clock that is wrong`,
    );
  }

  /** Once, until it is right again. */
  #warn(origin: string, clock: string): void {
    if (this.#warned.has(origin) || !this.#peers.has(origin)) return;
    this.#warned.add(origin);
    this.#options.log.warn('what a node says is refused until the clock that is wrong is set right', {
      node: origin,
      clock,
    });
  }

  #failed(peer: Peer, error: unknown): void {
    if (this.#closed) return;
    const message = messageOf(error);
    if (this.#errors.get(peer.name) !== message) {
      this.#options.log.info('a peer cannot be reached', { peer: peer.name, error: message });
    }
    this.#errors.set(peer.name, message);
  }
}
