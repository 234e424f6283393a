import type { Clock } from '../base/clock';
import { messageOf, UnavailableError } from '../base/errors';
import type { Logger } from '../base/log';
import {
  type GuardFamily,
  type GuardFrame,
  type GuardLease,
  renderBridgeGuard,
  renderGuard,
  renderRenewal,
} from './guard-rules';
import type { GuardState } from './guard-state';
import type { NftRunner } from './nft';

export interface GuardTablesOptions {
  /** As of the virtual IPs: the families are others. */
  readonly table: string;
  readonly nft: NftRunner;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long the rules hold without this process. Default 5 min, which no restart takes. */
  readonly leaseMs?: number;
}

interface Rules {
  readonly family: GuardFamily;
  readonly script: string;
}

/** So often in a lease, the rules are renewed. */
const renewals = 5;

/** The guard's rules in the kernel: changed when they say something else, and renewed. */
export class GuardTables {
  readonly #options: GuardTablesOptions;
  readonly #lease: GuardLease;
  readonly #renewMs: number;
  /** What the kernel was told last, by family; empty when it may have something else. */
  readonly #applied = new Map<GuardFamily, string>();
  /** By the monotonic clock. */
  #renewAtMs: number;
  /** The kernel has no tables for bridges: packets between containers are guarded with br_netfilter only. */
  #bridgeless = false;
  /** It has: what it refuses is to be tried again, or the rules of before go on to hold. */
  #bridged = false;

  constructor(options: GuardTablesOptions) {
    const { table, clock, leaseMs = 300_000 } = options;
    this.#options = options;
    this.#lease = { table, leaseSeconds: Math.ceil(leaseMs / 1000) };
    this.#renewMs = leaseMs / renewals;
    this.#renewAtMs = clock.monotonic();
  }

  /** Whether those of a process before this one are there. */
  async find(): Promise<boolean> {
    const { nft, table } = this.#options;
    this.#bridged = await nft.hasTable(table, 'bridge');
    return nft.hasTable(table, 'inet');
  }

  /** Whether the kernel is known to have tables for bridges. */
  get bridged(): boolean {
    return this.#bridged;
  }

  /** Has the kernel guard by this state, and for as long as the lease. */
  async apply(machine: Omit<GuardFrame, keyof GuardLease>, state: GuardState): Promise<void> {
    const frame = { ...machine, ...this.#lease };
    await this.#changeBoth(
      { family: 'inet', script: renderGuard(frame, state) },
      { family: 'bridge', script: renderBridgeGuard(frame, state) },
    );
    await this.#renew([...this.#applied.keys()]).catch((error: unknown) => {
      // Whatever it is, it is mended by making the tables again.
      this.#applied.clear();
      throw error;
    });
  }

  /** Has the rules of a process before this one hold until it is known who is here. */
  async renewFound(): Promise<void> {
    await this.#renew(this.#bridged ? ['inet', 'bridge'] : ['inet']).catch((error: unknown) => {
      this.#options.log.debug('the rules of a guard before this one cannot be renewed', { error });
    });
  }

  /** Looks whether others have flushed them: a firewall that is loaded anew does. */
  async check(): Promise<void> {
    const { nft, table, log } = this.#options;
    for (const family of this.#applied.keys()) {
      try {
        if (!(await nft.hasRules(table, family))) this.#applied.delete(family);
      } catch (error) {
        log.debug('the tables of the guard cannot be looked for', { error });
      }
    }
  }

  async #changeBoth(inet: Rules, bridge: Rules): Promise<void> {
    if (this.#bridgeless) return this.#change([inet]);
    // In one transaction: at no moment is a member let in by an interface that is not its own.
    try {
      await this.#change([inet, bridge]);
      this.#bridged = true;
    } catch (error) {
      if (this.#bridged) throw error;
      await this.#change([inet]);
      // Too slow is not unable: it is tried again with the next look.
      if (error instanceof UnavailableError) return;
      this.#bridgeless = true;
      this.#options.log.warn(
        'packets between containers of one bridge are not guarded: the kernel has no nftables for bridges',
        { error: messageOf(error) },
      );
    }
  }

  async #change(rules: readonly Rules[]): Promise<void> {
    const changed = rules.filter(({ family, script }) => this.#applied.get(family) !== script);
    if (changed.length === 0) return;
    for (const { family } of changed) this.#applied.delete(family);
    await this.#options.nft.apply(changed.map(({ script }) => script).join(''));
    for (const { family, script } of changed) this.#applied.set(family, script);
    if (changed.length === rules.length) this.#renewLater();
  }

  async #renew(families: readonly GuardFamily[]): Promise<void> {
    const { nft, clock } = this.#options;
    if (clock.monotonic() < this.#renewAtMs || families.length === 0) return;
    await nft.apply(renderRenewal(this.#lease, families));
    this.#renewLater();
  }

  /** All that is in force holds for a whole lease from now on. */
  #renewLater(): void {
    this.#renewAtMs = this.#options.clock.monotonic() + this.#renewMs;
  }
}
