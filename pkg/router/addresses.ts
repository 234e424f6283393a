import { isIPv4 } from 'node:net';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';

const refreshMs = 10_000;

export interface AddressesOptions {
  /** The first IPv4 address of a host; rejects where there is none. */
  readonly resolve: (host: string) => Promise<string>;
  readonly clock: Clock;
  /** Called when the address of a host is another than before. */
  readonly onChange: () => void;
}

/**
 * The addresses of hosts that were announced by name. HAProxy would refuse a whole configuration for one name that does
 * not resolve. An address stays in use while its host cannot be resolved.
 */
export class Addresses {
  readonly #known = new Map<string, string | undefined>();

  constructor(private readonly options: AddressesOptions) {}

  of(host: string): string | undefined {
    if (isIPv4(host)) return host;
    if (!this.#known.has(host)) {
      this.#known.set(host, undefined);
      void this.#refresh(host);
    }
    return this.#known.get(host);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.options.clock, refreshMs, signal).catch(() => {});
      if (!signal.aborted) await Promise.all([...this.#known.keys()].map((host) => this.#refresh(host)));
    }
  }

  async #refresh(host: string): Promise<void> {
    const address = await this.options.resolve(host).catch(() => undefined);
    if (address === undefined || this.#known.get(host) === address) return;
    this.#known.set(host, address);
    this.options.onChange();
  }
}
