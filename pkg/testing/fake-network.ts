import type { AddressTable, Peer, ServiceNetwork } from '../agent/network/service-network';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { UnavailableError } from '../base/errors';
import { formatKey } from '../registry/entry-key';
import type { TrafficTable } from '../registry/traffic';
import type { Announcement, EntryKey, InstanceNetwork, Withdrawal } from '../registry/types';
import { withTold } from '../registry/with-told';

/** As in the registry: what an agent announces is forgotten when it is not renewed for so long. */
const livenessMs = 120_000;

/** What a call comes to, other than an answer. */
type Condition = 'up' | 'down' | 'hanging';

/** A network daemon in memory: what it was told is there to see, and it fails in each way that a real one does. */
export class FakeNetwork implements ServiceNetwork {
  readonly #clock: Clock;
  #condition: Condition = 'up';
  #epoch = 1;
  readonly #entries = new Map<string, Announcement>();
  /** When each was announced or renewed last. */
  readonly heardMs = new Map<string, number>();
  instances: AddressTable | undefined;
  peers: readonly Peer[] | undefined;
  /** Those who send requests: how long after a withdrawal they stop. Undefined: never, unless told so. */
  readonly followers = new Map<string, number | undefined>();
  /** Who still sends to what, although it is withdrawn: `shop/web.1 e1/proxy`. */
  readonly sending = new Set<string>();
  given: InstanceNetwork = {
    proxy: 'http://10.0.0.1:4412',
    registry: 'http://10.0.0.1:4411',
    resolver: '198.18.16.1',
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is announced, by `shop/web.1`. */
  get entries(): ReadonlyMap<string, Announcement> {
    const now = this.#clock.monotonic();
    const alive = ([name]: [string, Announcement]) => now - (this.heardMs.get(name) ?? 0) < livenessMs;
    return new Map([...this.#entries].filter(alive));
  }

  /** `down`: connections are refused. `hanging`: calls are never answered. */
  set(condition: Condition): void {
    this.#condition = condition;
  }

  /** It is started again, and remembers nothing. */
  restart(): void {
    this.#condition = 'up';
    this.#epoch++;
    this.#entries.clear();
    this.instances = undefined;
    this.peers = undefined;
  }

  async environment(signal: AbortSignal): Promise<InstanceNetwork> {
    await this.#answer(signal);
    return { ...this.given, epoch: String(this.#epoch) };
  }

  async announce(key: EntryKey, body: Announcement, signal: AbortSignal): Promise<void> {
    await this.#answer(signal);
    const name = formatKey(key);
    this.#entries.set(name, withTold(body, this.#entries.get(name)));
    this.heardMs.set(name, this.#clock.monotonic());
    for (const follower of this.followers.keys()) this.sending.add(`${name} ${follower}`);
  }

  async withdraw(key: EntryKey, waitMs: number, signal: AbortSignal): Promise<Withdrawal> {
    await this.#answer(signal);
    const name = formatKey(key);
    this.#entries.delete(name);
    for (const follower of this.#senders(name)) {
      const delayMs = this.followers.get(follower);
      if (delayMs !== undefined) this.#clock.after(delayMs, () => this.confirm(name, follower));
    }
    const untilMs = this.#clock.monotonic() + waitMs;
    while (this.#senders(name).length > 0 && this.#clock.monotonic() < untilMs) {
      await sleep(this.#clock, 10, signal);
      await this.#answer(signal);
    }
    const missing = this.#senders(name);
    return { acknowledged: [...this.followers.keys()].filter((one) => !missing.includes(one)), missing };
  }

  /** The follower sends nothing to the entry any more. */
  confirm(name: string, follower: string): void {
    if (!this.entries.has(name)) this.sending.delete(`${name} ${follower}`);
  }

  async setInstances(table: AddressTable, signal: AbortSignal): Promise<void> {
    await this.#answer(signal);
    this.instances = table;
  }

  async setPeers(peers: readonly Peer[], signal: AbortSignal): Promise<void> {
    await this.#answer(signal);
    this.peers = peers;
  }

  /** What router and proxy have sent. */
  sent: TrafficTable = { router: [], proxy: [], virtualIp: [] };

  async traffic(signal: AbortSignal): Promise<TrafficTable> {
    await this.#answer(signal);
    return this.sent;
  }

  #senders(name: string): string[] {
    return [...this.followers.keys()].filter((follower) => this.sending.has(`${name} ${follower}`));
  }

  async #answer(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#condition === 'down') throw new UnavailableError('connect ECONNREFUSED 127.0.0.1:4411');
    if (this.#condition === 'up') return;
    await new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }
}
