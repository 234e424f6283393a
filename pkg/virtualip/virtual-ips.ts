import type { Clock } from '../base/clock';
import { type Disposable, DisposableStore, toDisposable } from '../base/disposable';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import { servicePortsOf } from '../registry/endpoints';
import { formatServiceName, parseServiceName } from '../registry/service-name';
import type { Changes, Entry, EntryKey, Follower, RegistryView, ServiceName } from '../registry/types';
import { type AddressRange, inRange, parseAddress, parseRange } from './address-range';
import { type ConnectionTable, SystemConnections } from './connections';
import { Drain } from './drain';
import { type Hairpin, noHairpin } from './hairpin';
import { HostNames, type LookupHost, systemLookup } from './host-names';
import { NameTable } from './name-table';
import type { NftRunner } from './nft';
import { RestartHold } from './restart-hold';
import {
  type Frame,
  renderChanges,
  renderFrame,
  renderTable,
  sameServices,
  type Services,
  type Target,
} from './ruleset';
import { RunLoop } from './run-loop';
import { allTargetsOf, hostsOf, servicesOf, targetKey, type Viewpoint } from './services-of';
import type { Translation } from './translation';

export interface VirtualIpsOptions {
  readonly registry: RegistryView;
  /** The executor's name: instances on it are reached by their own addresses. */
  readonly executor: string;
  /** `198.18.16.0/20` */
  readonly range: string;
  /** `gilliam_<stage key>`; see `tableName`. */
  readonly table: string;
  readonly nft: NftRunner;
  /** Where addresses are remembered. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where queries to the resolver are answered. Absent: they are refused. */
  readonly dns?: Target;
  readonly connections?: ConnectionTable;
  /** What translates beside nftables, for less. Default nothing. */
  readonly translation?: Pick<Translation, 'start' | 'bringInStep' | 'check'>;
  readonly hairpin?: Hairpin;
  readonly lookup?: LookupHost;
  readonly times?: Partial<Times>;
}

export interface Times {
  /** How long a withdrawal waits for connections that are under way. */
  readonly drainMs: number;
  /** How often everything is compared with the registry, and the table looked for. */
  readonly resyncMs: number;
  /** How long after a restart the rules of before are kept for names that nothing is announced for yet. */
  readonly holdMs: number;
  /** How long the address of a host name is used. */
  readonly hostRefreshMs: number;
}

const defaultTimes: Times = { drainMs: 10_000, resyncMs: 5000, holdMs: 45_000, hostRefreshMs: 30_000 };

/**
 * Gives names addresses, and keeps the kernel's rules for them in step with the registry. Level-triggered: an event only
 * says which names to look at again. After a failure, and now and then, everything is looked at.
 *
 * The rules outlive this process; only `removeTable` (nft.ts) ends them.
 */
export class VirtualIps implements Follower {
  readonly name = 'virtual-ip';
  readonly #options: VirtualIpsOptions;
  readonly #times: Times;
  readonly #range: AddressRange;
  readonly #frame: Frame;
  readonly #hosts: HostNames;
  readonly #drain: Drain;
  readonly #loop: RunLoop;
  readonly #disposables = new DisposableStore();
  readonly #viewpoint: Viewpoint;
  readonly #names: NameTable;
  /** What the kernel was told last; it has it, too, if `#inStep`. */
  #applied: Services = new Map();
  #inStep = false;
  /** Names to look at again. */
  readonly #dirty = new Set<string>();
  /** Names that were just given an address, and have no rules yet. */
  readonly #pending = new Map<string, Promise<void>>();
  readonly #hold: RestartHold;

  constructor(options: VirtualIpsOptions) {
    const { clock, log, range, table, dns, registry, executor } = options;
    this.#options = options;
    this.#hold = new RestartHold(clock);
    this.#times = { ...defaultTimes, ...options.times };
    this.#range = parseRange(range);
    this.#names = new NameTable({ range: this.#range, file: options.file, log });
    this.#frame = {
      table,
      range: this.#range.text,
      ...(dns ? { resolver: { address: this.resolver, target: dns } } : {}),
    };
    this.#hosts = new HostNames({
      lookup: options.lookup ?? systemLookup,
      clock,
      log,
      refreshMs: this.#times.hostRefreshMs,
      onChange: () => this.#lookAtAll(),
    });
    this.#viewpoint = { executor, range: this.#range, resolve: (host) => this.#hosts.address(host) };
    this.#drain = new Drain({
      connections: options.connections ?? new SystemConnections(),
      range: this.#range,
      clock,
      log,
      drainMs: this.#times.drainMs,
    });
    this.#loop = new RunLoop({
      task: () => this.#bringInStep(registry),
      onFailure: (error, retryMs) =>
        log.error('the rules of virtual IPs cannot be changed', { error: messageOf(error), retryMs }),
      clock,
      backoff: { startMs: 100, capMs: 5000 },
    });
  }

  /** The address that instances send their DNS queries to. */
  get resolver(): string {
    return this.#names.resolver;
  }

  /**
   * Takes over the table, or makes it, and follows the registry from then on. Throws PreconditionError where nftables is
   * missing or refuses.
   */
  async start(): Promise<void> {
    const { nft, table, registry, translation } = this.#options;
    const remembered = await this.#names.load();
    // A table that is there has outlived the process before this one, and not the machine's restart.
    if ((await nft.hasRules(table)) && remembered && (await this.#takeOver())) {
      this.#hold.begin(this.#times.holdMs);
    } else {
      await nft.apply(renderTable(this.#frame, new Map()));
    }
    this.#inStep = true;
    await translation?.start();
    // Where there were no rules to take over, what was translated is not true any more. If that cannot be ended now, it
    // is before anything is acknowledged.
    if (!this.#hold.active) await translation?.bringInStep(undefined, new Map()).catch(() => {});
    this.#disposables.add(registry.follow(this));
    this.#resyncLater();
  }

  /** Ends the work, and leaves the rules as they are. */
  async close(): Promise<void> {
    this.#disposables.dispose();
    this.#drain.close();
    await this.#loop.close();
  }

  /**
   * The name's address, at which connections are served or refused when this resolves; undefined for a name that nobody
   * knows. Rejects with ExhaustedError where all addresses are taken.
   */
  async addressOf(name: ServiceName): Promise<string | undefined> {
    const text = formatServiceName(name);
    const allocated = this.#names.addressOf(text);
    if (!this.#isKnown(name, allocated !== undefined)) return undefined;
    if (allocated === undefined) this.#allocate(text);
    await this.#pending.get(text);
    return this.#names.addressOf(text);
  }

  /** As whom endpoints are seen. */
  get viewpoint(): Viewpoint {
    return this.#viewpoint;
  }

  /** Which name has the virtual address. */
  nameOf(address: string): string | undefined {
    return this.#names.nameOf(address);
  }

  /** The addresses of all names of a service, of its instances and its releases. */
  addressesOfService(service: Pick<EntryKey, 'formation' | 'service'>): readonly string[] {
    return [...this.#names.namesOf(service)].flatMap((name) => this.#names.addressOf(name) ?? []);
  }

  /** Calls back when a name has been given an address, before it is told to anybody. */
  onAllocated(listener: () => void): Disposable {
    return this.#names.onAllocated(listener);
  }

  /** Whether the address is of the range, given to a name or not. */
  isVirtual(text: string): boolean {
    const address = parseAddress(text);
    return address !== undefined && inRange(this.#range, address);
  }

  async apply({ announced, withdrawn }: Changes): Promise<void> {
    const names = new Set([...announced, ...withdrawn].flatMap((entry) => [...this.#affected(entry)]));
    if (names.size === 0) return;
    if (this.#hold.active) for (const entry of withdrawn) this.#noteUnseen(entry);
    for (const name of names) this.#dirty.add(name);
    await this.#loop.request();
    for (const entry of withdrawn) this.#hold.left(entry);
    if (withdrawn.length === 0) return;

    const still = new Set(
      [...names]
        .flatMap((name) => this.#applied.get(name) ?? [])
        .flatMap(({ endpoints }) => endpoints.map(targetKey)),
    );
    const left = new Set(allTargetsOf(withdrawn, this.#viewpoint).map(targetKey));
    await this.#drain.ended([...left].filter((target) => !still.has(target)));
  }

  /** While rules of before the restart are kept, an entry that was never seen may be in them: nobody knows at which ports. */
  async forgotten(key: EntryKey): Promise<void> {
    const isOver = !this.#hold.active && this.#inStep;
    if ([...this.#affected(key)].length === 0 || this.#hold.hasLeft(key) || isOver) return;
    await this.#hold.over();
  }

  #isKnown(name: ServiceName, allocated: boolean): boolean {
    const { registry } = this.#options;
    if (registry.lookup(name).length > 0) return true;
    if (allocated && this.#hold.active) return true;
    const whole = name.instance === undefined && name.release === undefined;
    return (allocated || whole) && registry.services(name.formation).includes(name.service);
  }

  #allocate(name: string): void {
    const gone = this.#names.allocate(name, (other) => this.#mayGo(other));
    if (gone !== undefined) this.#dirty.add(gone);
    this.#dirty.add(name);
    const pending = this.#loop.request().finally(() => this.#pending.delete(name));
    // Those who asked for the name hear of it.
    pending.catch(() => {});
    this.#pending.set(name, pending);
  }

  /** Whether nothing is announced for the name any more. */
  #mayGo(text: string): boolean {
    const name = parseServiceName(text);
    return !this.#pending.has(text) && !(name && this.#options.registry.lookup(name).length > 0);
  }

  #affected(entry: EntryKey): Iterable<string> {
    return this.#names.namesOf(entry);
  }

  /** Of the rules of before the restart, those that the entry may be in: they go, unless something is announced. */
  #noteUnseen(entry: Entry): void {
    for (const name of this.#affected(entry)) {
      const address = this.#names.addressOf(name);
      if (address === undefined) continue;
      const ports = [...new Set([...servicePortsOf(entry), 80])];
      this.#hold.note(
        name,
        ports.map((port) => ({ name, address, port, endpoints: [] })),
      );
    }
  }

  #lookAtAll(): void {
    for (const name of this.#names.names()) this.#dirty.add(name);
    this.#loop.request().catch(() => {});
  }

  #resyncLater(): void {
    const { clock, nft, table, log } = this.#options;
    let closed = false;
    let timer = clock.after(this.#times.resyncMs, () => void resync());
    const resync = async () => {
      try {
        // Others may flush all rules of the machine: a firewall that is loaded anew does.
        if (!(await nft.hasRules(table)) && !closed) {
          log.warn('the rules of virtual IPs were removed by others: they are made again', { table });
          this.#hold.end();
          this.#inStep = false;
        }
      } catch (error) {
        log.debug('the table of virtual IPs cannot be looked for', { error });
      }
      if (closed) return;
      await this.#options.translation?.check();
      await (this.#options.hairpin ?? noHairpin).allow();
      if (closed) return;
      this.#lookAtAll();
      timer = clock.after(this.#times.resyncMs, () => void resync());
    };
    this.#disposables.add(
      toDisposable(() => {
        closed = true;
        timer.dispose();
      }),
    );
  }

  /** Puts the frame of this version over the table that is there; false where it does not fit. */
  async #takeOver(): Promise<boolean> {
    const { nft, log } = this.#options;
    try {
      await nft.apply(renderFrame(this.#frame));
      return true;
    } catch (error) {
      log.info('the table of virtual IPs is made anew', { error: messageOf(error) });
      return false;
    }
  }

  async #bringInStep(registry: RegistryView): Promise<void> {
    const { nft, table } = this.#options;
    if (this.#hold.expire()) this.#inStep = false;
    const whole = !this.#inStep;
    const before = this.#hold.withNoted(this.#applied);
    const names = whole ? [...this.#names.names()] : [...this.#dirty];
    this.#dirty.clear();
    const after = await this.#wished(registry, before, names);
    await this.#names.save();
    if (gains(before, after)) await (this.#options.hairpin ?? noHairpin).allow();

    // Until the script is done, and for good if it fails, nobody knows what the kernel has.
    this.#inStep = true;
    try {
      const script = whole ? renderTable(this.#frame, after) : renderChanges(table, before, after);
      if (script !== '') await nft.apply(script);
    } catch (error) {
      this.#inStep = false;
      // The table that was taken over may not be what we take it for, and is made anew.
      this.#hold.end();
      throw error;
    }
    this.#applied = after;
    await this.#options.translation?.bringInStep(whole ? undefined : before, after);
    this.#hold.settle();
  }

  async #wished(registry: RegistryView, before: Services, names: readonly string[]): Promise<Services> {
    const entries = new Map(
      names.map((text) => {
        const name = parseServiceName(text);
        return [text, name ? registry.lookup(name) : []];
      }),
    );
    await this.#hosts.prepare([...entries.values()].flatMap((list) => hostsOf(list, this.#options.executor)));
    const after = new Map(before);
    for (const [name, list] of entries) {
      const address = this.#names.addressOf(name);
      const services = address === undefined ? [] : servicesOf(name, address, list, this.#viewpoint);
      const old = before.get(name);
      if (services.length === 0) after.delete(name);
      else if (!old || !sameServices(old, services)) after.set(name, services);
    }
    return after;
  }
}

/** Whether connections can be sent where they were not before. */
function gains(before: Services, after: Services): boolean {
  for (const [name, services] of after) {
    const old = before.get(name);
    if (old === services) continue;
    const known = new Set(old?.flatMap(({ endpoints }) => endpoints.map(targetKey)));
    if (services.some(({ endpoints }) => endpoints.some((target) => !known.has(targetKey(target)))))
      return true;
  }
  return false;
}
