import type { Disposable } from '../base/disposable';
import { formatKey } from './entry-key';
import type { Identities, Identity } from './types';

/** Which instance has which address of this executor's container network, as the agent has told last. */
export class InstanceTable implements Identities {
  #instances: ReadonlyMap<string, Identity> = new Map();
  readonly #listeners = new Set<() => void>();

  get all(): ReadonlyMap<string, Identity> {
    return this.#instances;
  }

  identify(address: string): Identity | undefined {
    return this.#instances.get(address);
  }

  /** @param table the full one */
  set(table: Readonly<Record<string, Identity>>): void {
    const before = this.#instances;
    const pairs = Object.entries(table).map(([address, one]): [string, Identity] => {
      const known = before.get(address);
      // As in announcements: what the agent does not know yet stays as it was.
      const same = known !== undefined && formatKey(known) === formatKey(one);
      return [address, same ? { imports: known.imports, sharedWith: known.sharedWith, ...one } : one];
    });
    this.#instances = new Map(pairs);
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls back after each `set`. */
  onSet(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => void this.#listeners.delete(listener) };
  }
}
