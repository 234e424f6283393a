import type { Disposable } from '../base/disposable';
import { toDisposable } from '../base/disposable';
import type {
  Announcement,
  Changes,
  Entry,
  EntryKey,
  Identity,
  Follower,
  Identities,
  RegistryView,
  ServiceName,
} from '../registry/types';

/** `shop/web.1` */
export type EntryPath = `${string}/${string}.${string}`;

/**
 * A registry of one node in memory: what is put is known at once, and `put` and `remove` resolve when all followers
 * have confirmed. Nothing expires.
 */
export class FakeRegistry implements RegistryView, Identities {
  readonly #entries = new Map<EntryPath, Entry>();
  readonly #services = new Map<string, Set<string>>();
  readonly #followers = new Set<Follower>();
  readonly #listeners = new Set<() => void>();
  readonly #identities = new Map<string, Identity>();
  #version = 0;

  /** Announces, or changes what is announced. */
  put(
    path: EntryPath,
    body: Announcement,
    options: Partial<Pick<Entry, 'origin' | 'source' | 'stale' | 'heardMs'>> = {},
  ): Promise<void> {
    const before = this.#entries.get(path);
    const entry: Entry = {
      ...keyOf(path),
      body,
      origin: body.executor ?? 'one',
      source: 'agent',
      version: String(++this.#version).padStart(10, '0'),
      heardMs: 0,
      stale: false,
      ...options,
    };
    this.#entries.set(path, entry);
    let services = this.#services.get(entry.formation);
    if (!services) this.#services.set(entry.formation, (services = new Set()));
    services.add(entry.service);
    return this.#tell({ announced: [entry], withdrawn: before ? [before] : [] });
  }

  /** Withdraws; the service stays known. Does nothing where there is no such entry. */
  remove(path: EntryPath): Promise<void> {
    const before = this.#entries.get(path);
    if (!before) return Promise.resolve();
    this.#entries.delete(path);
    return this.#tell({ announced: [], withdrawn: [before] });
  }

  /** Says which instance has an address. */
  setIdentity(address: string, path: EntryPath, told: Omit<Identity, keyof EntryKey> = {}): void {
    this.#identities.set(address, { ...keyOf(path), ...told });
    for (const listener of this.#listeners) listener();
  }

  /** Says that nobody has an address any more. */
  removeIdentity(address: string): void {
    this.#identities.delete(address);
    for (const listener of this.#listeners) listener();
  }

  identify(address: string): Identity | undefined {
    return this.#identities.get(address);
  }

  get instances(): ReadonlyMap<string, Identity> {
    return this.#identities;
  }

  onInstances(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return toDisposable(() => void this.#listeners.delete(listener));
  }

  lookup(name: ServiceName): readonly Entry[] {
    const found = [...this.#entries.values()].filter(
      (entry) =>
        entry.formation === name.formation &&
        entry.service === name.service &&
        (name.instance === undefined || entry.instance === name.instance) &&
        (name.release === undefined || entry.body.release === name.release),
    );
    const fresh = found.filter(({ stale }) => !stale);
    return fresh.length > 0 ? fresh : found;
  }

  formations(): readonly string[] {
    return [...this.#services.keys()];
  }

  services(formation: string): readonly string[] {
    return [...(this.#services.get(formation) ?? [])];
  }

  follow(follower: Follower): Disposable {
    this.#followers.add(follower);
    // A follower that ends before it has applied all says so to nobody.
    void follower.apply({ announced: [...this.#entries.values()], withdrawn: [] }).catch(() => {});
    return toDisposable(() => void this.#followers.delete(follower));
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return toDisposable(() => void this.#listeners.delete(listener));
  }

  async #tell(changes: Changes): Promise<void> {
    for (const listener of this.#listeners) listener();
    await Promise.all([...this.#followers].map((follower) => follower.apply(changes)));
  }
}

function keyOf(path: EntryPath): EntryKey {
  const [formation, name] = path.split('/', 2) as [string, string];
  const dot = name.lastIndexOf('.');
  return { formation, service: name.slice(0, dot), instance: name.slice(dot + 1) };
}
