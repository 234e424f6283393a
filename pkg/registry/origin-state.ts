import { NEVER } from './hybrid-clock';
import type { Delta, Item } from './item';
import { isLive, later } from './item';

export interface DeltaBounds {
  /** About how much of items: the rest is for the next delta. Default all. */
  readonly bytes?: number;
}

/**
 * All that is known of one origin. Holds: whoever has the state with `newest` N has for each path the last item up to N,
 * or a later one; only paths that were over by `floor` may be missing.
 */
export class OriginState {
  readonly #items = new Map<string, Item>();
  #newest = NEVER;
  #floor = NEVER;
  #latest = NEVER;

  constructor(readonly origin: string) {}

  get newest(): string {
    return this.#newest;
  }

  get floor(): string {
    return this.#floor;
  }

  /** The latest time that it has ever been told of. */
  get latest(): string {
    return later(this.#latest, this.#newest);
  }

  get size(): number {
    return this.#items.size;
  }

  get(path: string): Item | undefined {
    return this.#items.get(path);
  }

  items(): Iterable<Item> {
    return this.#items.values();
  }

  /** By the origin itself: what has happened now. While it does not know yet what it knew before, it says nothing of how far it knows. */
  record(item: Item, complete: boolean): void {
    this.#set(item);
    if (complete) this.#newest = item.version;
  }

  /**
   * By the origin itself, when it may have lost something: what it holds is all there is. Everybody else takes it anew.
   */
  declare(version: string): void {
    this.#newest = version;
    this.#floor = version;
  }

  /** Begins with nothing: what was held is of a time that never was. Answers the paths that it has held. */
  clear(): readonly string[] {
    const paths = [...this.#items.keys()];
    this.#items.clear();
    this.#newest = this.#floor = this.#latest = NEVER;
    return paths;
  }

  /** What somebody lacks who knows all up to `after`. */
  delta(after: string, bounds: DeltaBounds = {}): Delta {
    const whole = after < this.#floor;
    const items = [...this.#items.values()]
      .filter((item) => whole || item.version > after)
      .sort((a, b) => (a.version < b.version ? -1 : 1));
    const common = { origin: this.origin, after, floor: this.#floor, whole };
    const fitting = whole ? items.length : fittingCount(items, bounds.bytes ?? Infinity);
    const last = items[fitting - 1];
    return fitting === items.length || last === undefined || last.version >= this.#newest
      ? { ...common, newest: this.#newest, items }
      : { ...common, newest: last.version, items: items.slice(0, fitting) };
  }

  /** Takes over what is news. Answers the paths that have changed. */
  merge(delta: Delta): readonly string[] {
    if (delta.newest < this.#newest) return [];
    const changed = delta.whole ? this.#replace(delta) : this.#add(delta);
    if (delta.whole || delta.after <= this.#newest) this.#newest = later(this.#newest, delta.newest);
    const forgotten = this.raiseFloor(delta.floor);
    return [...changed, ...forgotten];
  }

  /** Forgets what was over by then, unless something up to there is not known yet. Answers the paths that it has forgotten. */
  raiseFloor(floor: string): readonly string[] {
    if (floor <= this.#floor || floor > this.#newest) return [];
    const forgotten = [...this.#items.values()].filter((item) => !isLive(item) && item.version <= floor);
    for (const { path } of forgotten) this.#items.delete(path);
    this.#floor = floor;
    return forgotten.map(({ path }) => path);
  }

  #add(delta: Delta): string[] {
    const changed: string[] = [];
    for (const item of delta.items) {
      // What is not held of the time that is known is over, however late its news comes.
      if (item.version <= this.#newest) continue;
      const held = this.#items.get(item.path);
      if (held && held.version >= item.version) continue;
      this.#set(item);
      changed.push(item.path);
    }
    return changed;
  }

  #replace(delta: Delta): string[] {
    if (delta.newest === this.#newest) return [];
    const changed: string[] = [];
    const named = new Set<string>();
    for (const item of delta.items) {
      named.add(item.path);
      const held = this.#items.get(item.path);
      if (held?.version === item.version) continue;
      if (held && held.version > delta.newest && held.version > item.version) continue;
      this.#set(item);
      changed.push(item.path);
    }
    for (const held of this.#items.values()) {
      if (named.has(held.path) || held.version > delta.newest) continue;
      this.#items.delete(held.path);
      changed.push(held.path);
    }
    return changed;
  }

  #set(item: Item): void {
    this.#items.set(item.path, item);
    this.#latest = later(this.#latest, item.version);
  }
}

function fittingCount(items: readonly Item[], bytes: number): number {
  if (bytes === Infinity) return items.length;
  let total = 0;
  // At least one, so that there is progress.
  const index = items.findIndex((item, at) => {
    total += JSON.stringify(item).length;
    return total > bytes && at > 0;
  });
  return index < 0 ? items.length : index;
}
