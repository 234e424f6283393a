import { ExhaustedError } from '../base/errors';
import { hashText } from '../scheduler/hash';
import { type AddressRange, formatAddress, inRange, parseAddress } from './address-range';

/** What is remembered: names and their addresses, in the order in which they were first asked for. */
export type Remembered = Readonly<Record<string, string>>;

/**
 * Which name has which address of a range: the one at the name's hash, or the next free one. The network's own
 * addresses and the resolver's are nobody's.
 */
export class Allocations {
  readonly #range: AddressRange;
  readonly #byName = new Map<string, number>();
  readonly #byAddress = new Map<number, string>();

  /** What was remembered of another range, or twice, is forgotten. */
  constructor(range: AddressRange, remembered: Remembered = {}) {
    this.#range = range;
    for (const [name, text] of Object.entries(remembered)) {
      const address = parseAddress(text);
      if (address === undefined || !inRange(range, address) || this.#isReserved(address)) continue;
      if (!this.#byAddress.has(address)) this.#set(name, address);
    }
  }

  /** The resolver's: the first of the range that can be a host's. */
  get resolver(): string {
    return formatAddress(this.#range.first + 1);
  }

  /** How many names can have an address. */
  get capacity(): number {
    return this.#range.last - this.#range.first + 1 - 3;
  }

  get size(): number {
    return this.#byName.size;
  }

  names(): Iterable<string> {
    return this.#byName.keys();
  }

  addressOf(name: string): string | undefined {
    const address = this.#byName.get(name);
    return address === undefined ? undefined : formatAddress(address);
  }

  nameOf(text: string): string | undefined {
    const address = parseAddress(text);
    return address === undefined ? undefined : this.#byAddress.get(address);
  }

  /** Gives the name an address, or the one that it has; throws ExhaustedError where none is left. */
  allocate(name: string): string {
    const known = this.addressOf(name);
    if (known !== undefined) return known;
    if (this.size >= this.capacity) {
      throw new ExhaustedError(
        `no virtual IP is left for ${name}: ${this.size} names have all of ${this.#range.text}; take a larger range`,
      );
    }
    const count = this.#range.last - this.#range.first + 1;
    let offset = hashText(name) % count;
    while (this.#isReserved(this.#range.first + offset) || this.#byAddress.has(this.#range.first + offset)) {
      offset = (offset + 1) % count;
    }
    this.#set(name, this.#range.first + offset);
    return formatAddress(this.#range.first + offset);
  }

  free(name: string): void {
    const address = this.#byName.get(name);
    if (address === undefined) return;
    this.#byName.delete(name);
    this.#byAddress.delete(address);
  }

  toJSON(): Remembered {
    return Object.fromEntries([...this.#byName].map(([name, address]) => [name, formatAddress(address)]));
  }

  #isReserved(address: number): boolean {
    const { first, last } = this.#range;
    return address === first || address === first + 1 || address === last;
  }

  #set(name: string, address: number): void {
    this.#byName.set(name, address);
    this.#byAddress.set(address, name);
  }
}
