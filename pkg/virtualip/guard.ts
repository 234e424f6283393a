import { type Clock, sleep } from '../base/clock';
import { DisposableStore, toDisposable } from '../base/disposable';
import type { Disposable } from '../base/disposable';
import { messageOf, UnavailableError } from '../base/errors';
import type { Logger } from '../base/log';
import { guardedEntries } from '../registry/guarded-places';
import type { Bridge } from './bridge-of';
import { renderBridgeGuard, renderGuard } from './guard-rules';
import { guardState, type GuardView } from './guard-state';
import { HostNames, type LookupHost, systemLookup } from './host-names';
import type { NftRunner } from './nft';
import { RunLoop } from './run-loop';
import type { VirtualIps } from './virtual-ips';

/** What the guard is told by: the node of the registry. */
export interface GuardSource extends GuardView {
  onChange(listener: () => void): Disposable;
  onInstances(listener: () => void): Disposable;
}

export interface GuardOptions {
  readonly registry: GuardSource;
  readonly executor: string;
  /** As of the virtual IPs: the families are others. */
  readonly table: string;
  /** The virtual addresses: `198.18.16.0/20`. */
  readonly range: string;
  /** Ports of this machine at which instances are known by their addresses: proxy, resolver, registry. */
  readonly daemonPorts: readonly number[];
  /** The bridge that containers are on, as it is now. Undefined where it is not known. */
  readonly bridge: () => Promise<Bridge | undefined>;
  /** This machine's IPv4 addresses, as they are now. */
  readonly machineAddresses: () => readonly string[];
  readonly virtualIps: Pick<VirtualIps, 'addressesOfService' | 'onAllocated'>;
  readonly nft: NftRunner;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lookup?: LookupHost;
  /** How often the tables are looked for. Default 5 s. */
  readonly resyncMs?: number;
}

const inStepMs = 500;

interface Rules {
  readonly family: 'inet' | 'bridge';
  readonly script: string;
}

/**
 * Holds this machine's containers back from auxiliary services that are not their formation's, nor shared with it. Kept
 * in step with the registry; the rules outlive this process, as those of virtual IPs do.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #hosts: HostNames;
  readonly #loop: RunLoop;
  readonly #disposables = new DisposableStore();
  /** What the kernel was told last, by family; empty when it may have something else. */
  readonly #applied = new Map<'inet' | 'bridge', string>();
  #bridge: Bridge | undefined;
  #machine: readonly string[] = [];
  /** The kernel has no tables for bridges: packets between containers are guarded with br_netfilter only. */
  #bridgeless = false;
  /** It has: what it refuses is to be tried again, or the rules of before hold for ever. */
  #bridged = false;
  /** The agent has told who is here, or nothing is in force that knows better: without it, members would be cut off. */
  #told = true;

  constructor(options: GuardOptions) {
    const { clock, log } = options;
    this.#options = options;
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
    const { registry, virtualIps, nft, table } = this.#options;
    await this.#lookAtMachine();
    this.#told = registry.instances.size > 0 || !(await nft.hasTable(table, 'inet'));
    this.#bridged = await nft.hasTable(table, 'bridge');
    await this.#bringInStep().catch((error: unknown) => {
      // The rules of before are in force, and it is tried again at once.
      if (!this.#bridged) throw error;
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
    const { registry, executor, table, range, daemonPorts, virtualIps } = this.#options;
    if (!this.#told) return;
    await this.#hosts.prepare(guardedEntries(registry).map(({ body }) => body.host ?? ''));
    const frame = {
      ...{ table, range, daemonPorts, machine: this.#machine },
      ...(this.#bridge === undefined ? {} : { bridge: this.#bridge }),
    };
    const state = guardState(registry, {
      executor,
      resolve: (host) => this.#hosts.address(host),
      virtual: (service) => virtualIps.addressesOfService(service),
    });
    const rules: Rules[] = [{ family: 'inet', script: renderGuard(frame, state) }];
    if (this.#bridgeless) return this.#apply(rules);
    // In one transaction: at no moment is a member let in by an interface that is not its own.
    try {
      await this.#apply([...rules, { family: 'bridge', script: renderBridgeGuard(frame, state) }]);
      this.#bridged = true;
    } catch (error) {
      if (this.#bridged) throw error;
      await this.#apply(rules);
      // Too slow is not unable: it is tried again with the next look.
      if (error instanceof UnavailableError) return;
      this.#bridgeless = true;
      this.#options.log.warn(
        'packets between containers of one bridge are not guarded: the kernel has no nftables for bridges',
        { error: messageOf(error) },
      );
    }
  }

  async #lookAtMachine(): Promise<void> {
    const { bridge, machineAddresses } = this.#options;
    // The engine makes its bridge when it starts, and may make another.
    this.#bridge = (await bridge()) ?? this.#bridge;
    this.#machine = machineAddresses();
  }

  async #apply(rules: readonly Rules[]): Promise<void> {
    const changed = rules.filter(({ family, script }) => this.#applied.get(family) !== script);
    if (changed.length === 0) return;
    for (const { family } of changed) this.#applied.delete(family);
    await this.#options.nft.apply(changed.map(({ script }) => script).join(''));
    for (const { family, script } of changed) this.#applied.set(family, script);
  }

  /** Others may flush all rules of the machine. */
  #resyncLater(): void {
    const { clock, nft, table, log, resyncMs = 5000 } = this.#options;
    let closed = false;
    const resync = async () => {
      for (const family of this.#applied.keys()) {
        try {
          if (!(await nft.hasTable(table, family))) this.#applied.delete(family);
        } catch (error) {
          log.debug('the tables of the guard cannot be looked for', { error });
        }
      }
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
