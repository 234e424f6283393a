import { parseKey } from './entry-key';
import type { Item } from './item';
import { isLive } from './item';
import type { HeardMs, Known } from './known-entry';
import { KnownEntry } from './known-entry';
import type { Entry, EntryKey, ServiceName } from './types';

/** What an origin says of a path. */
interface Held {
  readonly origin: string;
  readonly item: Item;
}

/** What a path stands for now: the item that counts, and whether its origin is silent. */
interface Holding extends Known {
  /** Made when asked for: most nodes never look at most entries. */
  entry?: Entry;
}

/** All that is known of a path: at most one item an origin. */
interface Slot extends EntryKey {
  readonly path: string;
  readonly held: Held[];
  current: Holding | undefined;
}

interface Service {
  readonly slots: Map<string, Slot>;
  /** When something of it changed last. */
  revision: number;
  /** What the service's name stands for; made when asked for. */
  fresh?: readonly Entry[];
}

interface Formation {
  readonly services: Map<string, Service>;
  revision: number;
}

/** A path's entry before and after a change. */
export interface IndexChange {
  readonly path: string;
  readonly before?: Entry;
  readonly after?: Entry;
}

/** Of which nobody may ever ask for the entries. */
class SlotChange implements IndexChange {
  constructor(
    private readonly slot: Slot,
    private readonly was: Holding | undefined,
    private readonly is: Holding | undefined,
    private readonly heardMs: HeardMs,
  ) {}

  get path(): string {
    return this.slot.path;
  }

  get before(): Entry | undefined {
    return this.was && entryOf(this.slot, this.was, this.heardMs);
  }

  get after(): Entry | undefined {
    return this.is && entryOf(this.slot, this.is, this.heardMs);
  }
}

/** What all origins together say of each path, by names. */
export class EntryIndex {
  readonly #formations = new Map<string, Formation>();
  readonly #slots = new Map<string, Slot>();
  readonly #dirty = new Set<Slot>();
  readonly #heardMs: HeardMs;
  readonly #isStale: (origin: string) => boolean;
  #revision = 0;
  #live = 0;

  constructor(heardMs: HeardMs, isStale: (origin: string) => boolean) {
    this.#heardMs = heardMs;
    this.#isStale = isStale;
  }

  /** How many entries there are. */
  get live(): number {
    return this.#live;
  }

  /** Notes what an origin says of a path; nothing any more where `item` is absent. Counts from the next `settle` on. */
  set(origin: string, path: string, item: Item | undefined): void {
    const slot = this.#slots.get(path) ?? (item && this.#make(path));
    if (!slot) return;
    const { held } = slot;
    const at = held.findIndex((one) => one.origin === origin);
    if (at >= 0) held.splice(at, 1);
    if (item) held.push({ origin, item });
    this.#dirty.add(slot);
  }

  /** Looks at a path again, because its origin has fallen silent or has spoken. */
  touch(path: string): void {
    const slot = this.#slots.get(path);
    if (slot) this.#dirty.add(slot);
  }

  /** The item that counts at a path, and whose it is. Also of what is over. */
  current(path: string): Held | undefined {
    const slot = this.#slots.get(path);
    return slot && bestOf(slot);
  }

  /** Whether another origin has something live at the path. */
  isHeldElsewhere(path: string, origin: string): boolean {
    return this.#slots.get(path)?.held.some((one) => one.origin !== origin && isLive(one.item)) ?? false;
  }

  /** Puts what was noted into effect, in one step, and tells what has changed. */
  settle(): readonly IndexChange[] {
    if (this.#dirty.size === 0) return [];
    const changes: IndexChange[] = [];
    const revision = ++this.#revision;
    for (const slot of this.#dirty) {
      const before = slot.current;
      const after = this.#holding(slot);
      if (slot.held.length === 0) this.#forget(slot, revision);
      if (before?.item === after?.item && before?.stale === after?.stale) continue;
      slot.current = after;
      this.#live += (after ? 1 : 0) - (before ? 1 : 0);
      this.#mark(slot, revision);
      changes.push(new SlotChange(slot, before, after, this.#heardMs));
    }
    this.#dirty.clear();
    return changes;
  }

  lookup(name: ServiceName): readonly Entry[] {
    const service = this.#formations.get(name.formation)?.services.get(name.service);
    if (!service) return [];
    if (name.instance !== undefined) {
      const slot = service.slots.get(name.instance);
      return slot?.current ? [this.#entryOf(slot, slot.current)] : [];
    }
    if (name.release !== undefined) {
      return freshOrStale(this.#entries(service).filter((entry) => entry.body.release === name.release));
    }
    return (service.fresh ??= freshOrStale(this.#entries(service)));
  }

  /** Everything there is. */
  all(): readonly Entry[] {
    return [...this.#formations.values()].flatMap(({ services }) =>
      [...services.values()].flatMap((service) => this.#entries(service)),
    );
  }

  formations(): readonly string[] {
    return [...this.#formations.keys()].sort();
  }

  services(formation: string): readonly string[] {
    return [...(this.#formations.get(formation)?.services.keys() ?? [])].sort();
  }

  /** Changes whenever the answer to a query of the formation, or of its service, does. */
  revision(formation: string, service?: string): number {
    const node = this.#formations.get(formation);
    return (service === undefined ? node : node?.services.get(service))?.revision ?? 0;
  }

  #entries(service: Service): Entry[] {
    const entries: Entry[] = [];
    for (const slot of service.slots.values()) {
      if (slot.current) entries.push(this.#entryOf(slot, slot.current));
    }
    return entries;
  }

  #holding(slot: Slot): Holding | undefined {
    const best = bestOf(slot);
    return best && isLive(best.item)
      ? { origin: best.origin, item: best.item, stale: this.#isStale(best.origin) }
      : undefined;
  }

  #entryOf(slot: Slot, holding: Holding): Entry {
    return entryOf(slot, holding, this.#heardMs);
  }

  #make(path: string): Slot | undefined {
    const key = parseKey(path);
    if (!key) return undefined;
    const slot: Slot = { ...key, path, held: [], current: undefined };
    this.#slots.set(path, slot);
    let formation = this.#formations.get(key.formation);
    if (!formation) this.#formations.set(key.formation, (formation = { services: new Map(), revision: 0 }));
    let service = formation.services.get(key.service);
    if (!service) formation.services.set(key.service, (service = { slots: new Map(), revision: 0 }));
    service.slots.set(key.instance, slot);
    return slot;
  }

  #mark(slot: Slot, revision: number): void {
    const formation = this.#formations.get(slot.formation);
    if (formation) formation.revision = revision;
    const service = formation?.services.get(slot.service);
    if (!service) return;
    service.revision = revision;
    service.fresh = undefined;
  }

  #forget(slot: Slot, revision: number): void {
    this.#mark(slot, revision);
    this.#slots.delete(slot.path);
    const formation = this.#formations.get(slot.formation);
    const service = formation?.services.get(slot.service);
    service?.slots.delete(slot.instance);
    if (service?.slots.size === 0) formation?.services.delete(slot.service);
    if (formation?.services.size === 0) this.#formations.delete(slot.formation);
  }
}

/** Fresh ones, or stale ones where there are no fresh ones: a silent origin is no proof of anything. */
export function freshOrStale(entries: readonly Entry[]): readonly Entry[] {
  const fresh = entries.filter((entry) => !entry.stale);
  return fresh.length > 0 ? fresh : entries;
}

function entryOf(slot: Slot, holding: Holding, heardMs: HeardMs): Entry {
  return (holding.entry ??= new KnownEntry(slot, holding, heardMs));
}

/** The item that counts, if any does. */
function bestOf({ held }: Slot): Held | undefined {
  return held.reduce<Held | undefined>(better, undefined);
}

/**
 * Which of two counts: what an agent runs before what others say of it, then the later one, then the one of the greater
 * origin, so that all nodes decide alike. What has merely ended at its origin says nothing about the path.
 */
function better(a: Held | undefined, b: Held): Held | undefined {
  if (b.item.state === 'ended') return a;
  if (!a) return b;
  if ((a.item.state === 'agent') !== (b.item.state === 'agent')) return a.item.state === 'agent' ? a : b;
  if (a.item.version !== b.item.version) return a.item.version > b.item.version ? a : b;
  return a.origin > b.origin ? a : b;
}
