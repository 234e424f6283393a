import type { Clock } from '../base/clock';
import { ExhaustedError } from '../base/errors';
import type { Delta, Item } from './item';
import { isLive } from './item';
import { OriginState } from './origin-state';
import type { RegistryLimits, RegistryTimes } from './settings';
import type { Entry, EntryKey } from './types';

export interface OwnEntriesOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly times: RegistryTimes;
  readonly limits: RegistryLimits;
}

/** How much of its time an entry has left, at least, after a restart. */
const renewAgainShare = 1 / 3;

/** What was announced at this node: since when each of it holds, how much there is, and what is over by now. */
export class OwnEntries {
  readonly state: OriginState;
  readonly #options: OwnEntriesOptions;
  /** Of what is live: when it was announced or renewed; of the rest: since when it is over. */
  readonly #sinceMs = new Map<string, number>();
  readonly #perFormation = new Map<string, number>();
  /** Paths of which something was said in this life of the node: that is true, whatever is remembered elsewhere. */
  readonly #said = new Set<string>();
  #live = 0;

  constructor(options: OwnEntriesOptions) {
    this.#options = options;
    this.state = new OriginState(options.name);
  }

  /** How many of them live. */
  get live(): number {
    return this.#live;
  }

  /** How many of them others have announced, and not the agent. */
  get external(): number {
    return [...this.#perFormation.values()].reduce((sum, count) => sum + count, 0);
  }

  get(path: string): Item | undefined {
    return this.state.get(path);
  }

  /** Since when, by the monotonic clock, a path is as it is. */
  sinceMs(path: string): number | undefined {
    return this.#sinceMs.get(path);
  }

  record(item: Item, complete: boolean): void {
    const before = this.state.get(item.path);
    this.state.record(item, complete);
    this.note(before, item);
    this.#said.add(item.path);
  }

  /**
   * Takes over what others remember of this node, but where it has said something in this life: that it says again.
   * Answers the paths that have changed.
   */
  recover(delta: Delta, next: () => string): ReadonlySet<string> {
    const before = new Map([...this.state.items()].map((item) => [item.path, item]));
    const changed = new Set(this.state.merge(delta));
    for (const path of changed) {
      const ours = before.get(path);
      if (ours && this.#said.has(path)) this.#repeat(ours, next());
      else this.note(ours, this.state.get(path));
    }
    return changed;
  }

  /** Takes over what was kept, as old as it is: but whom the restart itself has kept from renewing has time to do so. */
  restore(item: Item, ageMs: number): void {
    this.state.record(item, false);
    this.note(undefined, item);
    const oldestMs = this.#livenessMs(item) * (1 - renewAgainShare);
    this.#sinceMs.set(item.path, this.#options.clock.monotonic() - Math.min(ageMs, oldestMs));
  }

  /** Says all that it holds anew, in the same order. What has been for how long stays as it is. */
  restamp(next: () => string): readonly Item[] {
    const items = [...this.state.items()].sort((a, b) => (a.version < b.version ? -1 : 1));
    this.state.clear();
    return items.map((item) => this.#repeat(item, next()));
  }

  renew(path: string): void {
    this.#sinceMs.set(path, this.#options.clock.monotonic());
  }

  /** Keeps times and counts of what has changed in the state. */
  note(before: Item | undefined, after: Item | undefined): void {
    const path = (before ?? after)?.path;
    if (path === undefined) return;
    if (after) this.renew(path);
    else this.#sinceMs.delete(path);
    this.#live += Number(!!after && isLive(after)) - Number(!!before && isLive(before));
    const formation = path.slice(0, path.indexOf('/'));
    const change = Number(after?.state === 'external') - Number(before?.state === 'external');
    if (change !== 0) this.#perFormation.set(formation, (this.#perFormation.get(formation) ?? 0) + change);
  }

  /** Throws ExhaustedError where there is no room for another one. */
  admit(key: EntryKey, source: Entry['source']): void {
    const { entriesPerFormation, entriesPerNode } = this.#options.limits;
    if (source === 'agent') return;
    if (this.#live >= entriesPerNode) {
      throw new ExhaustedError(
        `${entriesPerNode} entries are announced at this node, which is all it takes: withdraw some, or ask another node`,
      );
    }
    if ((this.#perFormation.get(key.formation) ?? 0) < entriesPerFormation) return;
    throw new ExhaustedError(
      `${entriesPerFormation} entries of ${key.formation} are announced at this node, which is all it takes: withdraw some`,
    );
  }

  /** What was not renewed in time. */
  expired(): readonly Item[] {
    const now = this.#options.clock.monotonic();
    return [...this.state.items()].filter(
      (item) => isLive(item) && now - (this.#sinceMs.get(item.path) ?? now) > this.#livenessMs(item),
    );
  }

  /** Raises the floor over what has been over for long, up to what `keeps` wants. Answers the paths that it has forgotten. */
  forgetOld(keeps: (item: Item) => boolean): readonly string[] {
    const oldMs = this.#options.clock.monotonic() - this.#options.times.tombstoneMs;
    const over = [...this.state.items()].filter((item) => !isLive(item));
    over.sort((a, b) => (a.version < b.version ? -1 : 1));
    const kept = over.findIndex((item) => (this.#sinceMs.get(item.path) ?? 0) > oldMs || keeps(item));
    const gone = kept < 0 ? over : over.slice(0, kept);
    const last = gone.at(-1);
    if (!last) return [];
    this.state.raiseFloor(last.version);
    for (const { path } of gone) {
      this.#sinceMs.delete(path);
      this.#said.delete(path);
    }
    return gone.map(({ path }) => path);
  }

  /** What has been for how long stays as it is. */
  #repeat(item: Item, version: string): Item {
    const repeated = { ...item, version };
    this.state.record(repeated, false);
    this.#said.add(item.path);
    return repeated;
  }

  #livenessMs({ state }: Item): number {
    const { livenessMs, agentLivenessMs } = this.#options.times;
    return state === 'agent' ? agentLivenessMs : livenessMs;
  }
}
