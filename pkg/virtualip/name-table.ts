import { type Disposable, toDisposable } from '../base/disposable';
import { ExhaustedError, messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import { formatServiceName, parseServiceName } from '../registry/service-name';
import type { ServiceName } from '../registry/types';
import type { AddressRange } from './address-range';
import { readAllocations, writeAllocations } from './allocation-file';
import { Allocations } from './allocations';

export interface NameTableOptions {
  readonly range: AddressRange;
  /** Where addresses are remembered. */
  readonly file: string;
  readonly log: Logger;
}

type ServiceKey = Pick<ServiceName, 'formation' | 'service'>;

/** The names that have an address, by name, by address and by the service that they are about; remembered on disk. */
export class NameTable {
  readonly #options: NameTableOptions;
  #allocations: Allocations;
  /** The names of each `<service>.<formation>.service`. */
  readonly #namesOf = new Map<string, Set<string>>();
  readonly #listeners = new Set<() => void>();
  #unsaved = false;

  constructor(options: NameTableOptions) {
    this.#options = options;
    this.#allocations = new Allocations(options.range);
  }

  /** The address that is no name's, but the resolver's. */
  get resolver(): string {
    return this.#allocations.resolver;
  }

  /** Takes over what is remembered; whether anything is. */
  async load(): Promise<boolean> {
    const { file, range } = this.#options;
    const remembered = await readAllocations(file);
    this.#allocations = new Allocations(range, remembered);
    for (const name of this.#allocations.names()) this.#index(name);
    return remembered !== undefined;
  }

  names(): Iterable<string> {
    return this.#allocations.names();
  }

  addressOf(name: string): string | undefined {
    return this.#allocations.addressOf(name);
  }

  nameOf(address: string): string | undefined {
    return this.#allocations.nameOf(address);
  }

  /** The names of a service, of its instances and its releases. */
  namesOf(service: ServiceKey): Iterable<string> {
    return this.#namesOf.get(textOf(service)) ?? [];
  }

  /**
   * Gives the name an address. Where none is left, that of the name which was first asked for, of those that may go: they
   * are returned, and have none any more. Throws ExhaustedError where none may.
   */
  allocate(name: string, mayGo: (name: string) => boolean): string | undefined {
    let gone: string | undefined;
    try {
      this.#allocations.allocate(name);
    } catch (error) {
      gone = error instanceof ExhaustedError ? this.#evict(mayGo) : undefined;
      if (gone === undefined) throw error;
      this.#allocations.allocate(name);
    }
    this.#unsaved = true;
    this.#index(name);
    for (const listener of this.#listeners) listener();
    return gone;
  }

  /** Calls back when a name has been given an address, before it is told to anybody. */
  onAllocated(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return toDisposable(() => void this.#listeners.delete(listener));
  }

  /** Remembers what has changed. */
  async save(): Promise<void> {
    if (!this.#unsaved) return;
    this.#unsaved = false;
    try {
      await writeAllocations(this.#options.file, this.#allocations.toJSON());
    } catch (error) {
      // They are good as long as this process lives; a full disk is no reason to refuse connections.
      this.#unsaved = true;
      this.#options.log.warn('addresses of names cannot be remembered', { error: messageOf(error) });
    }
  }

  #evict(mayGo: (name: string) => boolean): string | undefined {
    for (const text of this.#allocations.names()) {
      if (!mayGo(text)) continue;
      this.#allocations.free(text);
      const name = parseServiceName(text);
      if (name) this.#namesOf.get(textOf(name))?.delete(text);
      return text;
    }
    return undefined;
  }

  #index(text: string): void {
    const name = parseServiceName(text);
    if (!name) return;
    const service = textOf(name);
    const names = this.#namesOf.get(service);
    if (names) names.add(text);
    else this.#namesOf.set(service, new Set([text]));
  }
}

function textOf({ formation, service }: ServiceKey): string {
  return formatServiceName({ service, formation });
}
