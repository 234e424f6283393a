import { type Clock } from '../base/clock';
import { type Disposable } from '../base/disposable';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import { type ReleaseTraffic, TrafficCounters } from '../metrics/traffic-counters';
import type { TrafficLine } from '../registry/traffic';
import type { RegistryView } from '../registry/types';
import { type ConnectionUse, connectionUse } from './connection-use';
import { type ConnectionTable, SystemConnections } from './connections';
import type { NftCounters } from './nft';
import { connectionSet } from './ruleset';
import type { Translation } from './translation';
import type { VirtualIps } from './virtual-ips';

export interface VirtualIpTrafficOptions {
  readonly registry: Pick<RegistryView, 'lookup'>;
  readonly virtualIps: Pick<VirtualIps, 'nameOf' | 'viewpoint'>;
  readonly nft: NftCounters;
  /** As of the virtual IPs. */
  readonly table: string;
  /** What is translated where it is made, which the rules do not see. */
  readonly translation?: Pick<Translation, 'made'>;
  readonly connections?: ConnectionTable;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Between two looks. Default 5 s, which is how often it is reported. */
  readonly lookMs?: number;
}

type Counts = ReadonlyMap<string, number>;

/** A table of hundreds of thousands of connections takes long to read: so much of the time at most, as a divisor. */
const restPerLook = 20;

/**
 * What has gone through virtual IPs: connections, since their requests are seen by nobody. New ones are counted by the
 * kernel's rules, open ones found in its table, in use or not.
 */
export class VirtualIpTraffic {
  readonly #options: VirtualIpTrafficOptions;
  readonly #connections: ConnectionTable;
  readonly #counters: TrafficCounters;
  /** How many rules and translation had counted by virtual address; undefined before they were asked. */
  #counted: readonly Counts[] | undefined;
  /** Those with connections that were open at the last look. */
  #open = new Map<string, ReleaseTraffic>();
  #timer: Disposable | undefined;
  #closed = false;
  #complained = false;

  constructor(options: VirtualIpTrafficOptions) {
    this.#options = options;
    this.#connections = options.connections ?? new SystemConnections();
    this.#counters = new TrafficCounters({ clock: options.clock, random: options.random });
  }

  /** Looks now, and then again and again. What the kernel has counted before is of somebody else's time. */
  start(): void {
    void this.#lookAgain();
  }

  lines(): TrafficLine[] {
    return this.#counters.lines();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.dispose();
  }

  async #lookAgain(): Promise<void> {
    const { clock, log, lookMs = 5_000 } = this.#options;
    const startedMs = clock.monotonic();
    try {
      await this.#look();
      this.#complained = false;
    } catch (error) {
      if (!this.#complained) {
        log.warn(
          'connections through virtual IPs cannot be counted: services that have no others look idle',
          {
            error: messageOf(error),
          },
        );
      }
      this.#complained = true;
    }
    if (this.#closed) return;
    const tookMs = clock.monotonic() - startedMs;
    this.#timer = clock.after(Math.max(lookMs, restPerLook * tookMs), () => void this.#lookAgain());
  }

  async #look(): Promise<void> {
    const { registry, virtualIps, nft, table, translation } = this.#options;
    const { viewpoint } = virtualIps;
    const [byRules, byTranslation, open] = await Promise.all([
      nft.packets(table, connectionSet),
      translation?.made() ?? new Map<string, number>(),
      this.#connections.open(viewpoint.range),
    ]);
    const counted = [byRules, byTranslation];
    const made = sumOf(counted.map((counts, index) => grown(this.#counted?.[index] ?? counts, counts)));
    this.#counted = counted;
    const nameOf = (virtual: string) => virtualIps.nameOf(virtual);
    this.#count(connectionUse({ made, open: open ?? [] }, { registry, viewpoint, nameOf }));
  }

  #count(uses: readonly ConnectionUse[]): void {
    const before = this.#open;
    this.#open = new Map();
    for (const use of uses) {
      const key = `${use.formation}/${use.service}/${use.release}`;
      const traffic = this.#counters.of(use);
      traffic.connected(use.made);
      traffic.isOpen(use.open);
      before.delete(key);
      if (use.open > 0) this.#open.set(key, traffic);
    }
    for (const ended of before.values()) ended.isOpen(0);
  }
}

function sumOf(all: readonly Counts[]): Counts {
  const sum = new Map<string, number>();
  for (const [virtual, count] of all.flatMap((counts) => [...counts])) {
    sum.set(virtual, count + (sum.get(virtual) ?? 0));
  }
  return sum;
}

/** What was made anew counts from nothing. */
function grown(before: Counts, after: Counts): Counts {
  return new Map(
    [...after].map(([virtual, count]) => {
      const known = before.get(virtual) ?? 0;
      return [virtual, count < known ? count : count - known];
    }),
  );
}
