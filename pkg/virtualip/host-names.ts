import { lookup } from 'node:dns/promises';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import type { Logger } from '../base/log';
import { parseAddress } from './address-range';

/** The IPv4 addresses of a host name; rejects or is empty where there are none. */
export type LookupHost = (host: string) => Promise<readonly string[]>;

export const systemLookup: LookupHost = async (host) =>
  (await lookup(host, { family: 4, all: true })).map(({ address }) => address);

export interface HostNamesOptions {
  readonly lookup: LookupHost;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long an answer is used before the host is looked up again. */
  readonly refreshMs: number;
  /** Told when a host has another address than before. */
  readonly onChange: () => void;
}

interface Known {
  address?: string;
  askedMs: number;
  pending?: Promise<void>;
}

const maxHosts = 10_000;
/** How long rules wait for a host that was never looked up. */
const patienceMs = 1000;

/** Addresses of the hosts that announcements name: rules hold addresses only. The last answer is kept while there is no other. */
export class HostNames {
  readonly #options: HostNamesOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: HostNamesOptions) {
    this.#options = options;
  }

  /** What is known of the host now; an address is its own. */
  address(host: string): string | undefined {
    return parseAddress(host) === undefined ? this.#known.get(host)?.address : host;
  }

  /** Looks up what is new or old. Waits for what is new, a second at most. */
  async prepare(hosts: Iterable<string>): Promise<void> {
    const { clock, refreshMs } = this.#options;
    const fresh: Promise<void>[] = [];
    for (const host of new Set(hosts)) {
      const known = this.#known.get(host);
      if (!known) fresh.push(this.#ask(host));
      else if (!known.pending && clock.monotonic() - known.askedMs >= refreshMs) void this.#ask(host);
    }
    if (fresh.length === 0) return;
    const over = new AbortController();
    const patience = sleep(clock, patienceMs, over.signal).catch(() => {});
    await Promise.race([Promise.all(fresh), patience]);
    over.abort();
  }

  #ask(host: string): Promise<void> {
    const { clock } = this.#options;
    const known: Known = this.#known.get(host) ?? { askedMs: 0 };
    known.askedMs = clock.monotonic();
    known.pending = this.#look(host, known).finally(() => delete known.pending);
    this.#known.delete(host);
    this.#known.set(host, known);
    // Those that were not asked for longest go first.
    const [oldest] = this.#known.keys();
    if (this.#known.size > maxHosts && oldest !== undefined) this.#known.delete(oldest);
    return known.pending;
  }

  async #look(host: string, known: Known): Promise<void> {
    const { lookup, log, onChange } = this.#options;
    try {
      const addresses = [...(await lookup(host))].sort();
      if (addresses.length === 0 || (known.address !== undefined && addresses.includes(known.address)))
        return;
      known.address = addresses[0];
      onChange();
    } catch (error) {
      log.debug('a host cannot be resolved', { host, error });
    }
  }
}
