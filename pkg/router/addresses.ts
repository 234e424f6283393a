import { isIPv4 } from 'node:net';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';

const refreshMs = 10_000;
/** Those that were not asked for longest go first. */
const maxHosts = 10_000;

export type ResolveHost = (host: string) => Promise<readonly string[]>;

export interface AddressesOptions {
  /** The IPv4 addresses of a host; rejects or is empty where there are none. */
  readonly resolve: ResolveHost;
  readonly clock: Clock;
  /** Called when the address of a host is another than before. */
  readonly onChange: () => void;
}

/**
 * The addresses of hosts that were announced by name. HAProxy would refuse a whole configuration for one name that does
 * not resolve. An address stays in use while its host has it, or cannot be resolved: names with several have them in
 * another order each time.
 */
export class Addresses {
  readonly #known = new Map<string, string | undefined>();

  constructor(private readonly options: AddressesOptions) {}

  of(host: string): string | undefined {
    if (isIPv4(host)) return host;
    const isNew = !this.#known.has(host);
    const address = this.#known.get(host);
    this.#known.delete(host);
    this.#known.set(host, address);
    const [oldest] = this.#known.keys();
    if (this.#known.size > maxHosts && oldest !== undefined) this.#known.delete(oldest);
    if (isNew) void this.#refresh(host);
    return address;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.options.clock, refreshMs, signal).catch(() => {});
      if (!signal.aborted) await Promise.all([...this.#known.keys()].map((host) => this.#refresh(host)));
    }
  }

  async #refresh(host: string): Promise<void> {
    const addresses = await this.options.resolve(host).catch((): readonly string[] => []);
    const [address] = addresses.toSorted();
    const before = this.#known.get(host);
    if (address === undefined || !this.#known.has(host)) return;
    if (before !== undefined && addresses.includes(before)) return;
    this.#known.set(host, address);
    this.options.onChange();
  }
}
