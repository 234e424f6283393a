import { sleep } from '../base/clock';
import { DisposableStore, toDisposable } from '../base/disposable';
import type { Disposable } from '../base/disposable';
import { messageOf } from '../base/errors';
import { guardedEntries } from '../registry/guarded-places';
import type { Bridge } from './bridge-of';
import { guardState, type GuardView } from './guard-state';
import { GuardTables, type GuardTablesOptions } from './guard-tables';
import { HostNames, type LookupHost, systemLookup } from './host-names';
import { RunLoop } from './run-loop';
import type { VirtualIps } from './virtual-ips';

/** What the guard is told by: the node of the registry. */
export interface GuardSource extends GuardView {
  onChange(listener: () => void): Disposable;
  onInstances(listener: () => void): Disposable;
}

export interface GuardOptions extends GuardTablesOptions {
  readonly registry: GuardSource;
  readonly executor: string;
  /** The virtual addresses: `198.18.16.0/20`. */
  readonly range: string;
  /** Ports of this machine at which instances are known by their addresses: proxy, resolver, registry. */
  readonly daemonPorts: readonly number[];
  /** The bridge that containers are on, as it is now. Undefined where it is not known. */
  readonly bridge: () => Promise<Bridge | undefined>;
  /** This machine's IPv4 addresses, as they are now. */
  readonly machineAddresses: () => readonly string[];
  readonly virtualIps: Pick<VirtualIps, 'addressesOfService' | 'onAllocated'>;
  readonly lookup?: LookupHost;
  /** How often the tables are looked for. Default 5 s. */
  readonly resyncMs?: number;
}

const inStepMs = 500;

/**
 * Holds this machine's containers back from auxiliary services that are not their formation's, nor shared with it. Kept
 * in step with the registry. The rules outlive this process, as those of virtual IPs do, but for minutes only.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #hosts: HostNames;
  readonly #loop: RunLoop;
  readonly #disposables = new DisposableStore();
  readonly #tables: GuardTables;
  #bridge: Bridge | undefined;
  #machine: readonly string[] = [];
  /** The agent has told who is here, or nothing is in force that knows better: without it, members would be cut off. */
  #told = true;

  constructor(options: GuardOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#tables = new GuardTables(options);
    this.#hosts = new HostNames({
      ...{ clock, log, lookup: options.lookup ?? systemLookup, refreshMs: 30_000 },
      onChange: () => this.#look(),
    });
    this.#loop = new RunLoop({
      task: () => this.#bringInStep(),
      onFailure: (error, retryMs) =>
        log.error('the rules that guard auxiliary services cannot be changed', {
          error: messageOf(error),
          retryMs,
        }),
      clock,
      backoff: { startMs: 100, capMs: 5000 },
    });
  }

  /** Throws PreconditionError where nftables is missing or refuses. */
  async start(): Promise<void> {
    const { registry, virtualIps } = this.#options;
    await this.#lookAtMachine();
    const found = await this.#tables.find();
    this.#told = registry.instances.size > 0 || !found;
    await this.#bringInStep().catch((error: unknown) => {
      // The rules of before are in force, and it is tried again at once.
      if (!this.#tables.bridged) throw error;
    });
    this.#disposables.add(registry.onChange(() => this.#look()));
    this.#disposables.add(
      registry.onInstances(() => {
        this.#told = true;
        this.#look();
      }),
    );
    this.#disposables.add(virtualIps.onAllocated(() => this.#look()));
    this.#resyncLater();
    this.#look();
  }

  /** Resolves when the rules say what is known now, or soon: a kernel that refuses is no reason to wait for long. */
  async inStep(): Promise<void> {
    const over = new AbortController();
    const patience = sleep(this.#options.clock, inStepMs, over.signal).catch(() => {});
    await Promise.race([this.#loop.request().catch(() => {}), patience]);
    over.abort();
  }

  /** Ends the work, and leaves the rules as they are. */
  async close(): Promise<void> {
    this.#disposables.dispose();
    await this.#loop.close();
  }

  #look(): void {
    this.#loop.request().catch(() => {});
  }

  async #bringInStep(): Promise<void> {
    const { registry, executor, range, daemonPorts, virtualIps } = this.#options;
    if (!this.#told) return this.#tables.renewFound();
    await this.#hosts.prepare(guardedEntries(registry).map(({ body }) => body.host ?? ''));
    const state = guardState(registry, {
      executor,
      resolve: (host) => this.#hosts.address(host),
      virtual: (service) => virtualIps.addressesOfService(service),
    });
    const bridge = this.#bridge === undefined ? {} : { bridge: this.#bridge };
    await this.#tables.apply({ range, daemonPorts, machine: this.#machine, ...bridge }, state);
  }

  async #lookAtMachine(): Promise<void> {
    const { bridge, machineAddresses } = this.#options;
    // The engine makes its bridge when it starts, and may make another.
    this.#bridge = (await bridge()) ?? this.#bridge;
    this.#machine = machineAddresses();
  }

  #resyncLater(): void {
    const { clock, resyncMs = 5000 } = this.#options;
    let closed = false;
    const resync = async () => {
      await this.#tables.check();
      await this.#lookAtMachine();
      if (closed) return;
      this.#look();
      timer = clock.after(resyncMs, () => void resync());
    };
    let timer = clock.after(resyncMs, () => void resync());
    this.#disposables.add(
      toDisposable(() => {
        closed = true;
        timer.dispose();
      }),
    );
  }
}
