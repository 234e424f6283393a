import type { Clock } from '../base/clock';
import { ExhaustedError } from '../base/errors';
import type { Item } from './item';
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

/** What was announced at this node: since when each of it holds, how much there is, and what is over by now. */
export class OwnEntries {
  readonly state: OriginState;
  readonly #options: OwnEntriesOptions;
  /** Of what is live: when it was announced or renewed; of the rest: since when it is over. */
  readonly #sinceMs = new Map<string, number>();
  readonly #perFormation = new Map<string, number>();
  #live = 0;

  constructor(options: OwnEntriesOptions) {
    this.#options = options;
    this.state = new OriginState(options.name);
  }

  /** How many of them live. */
  get live(): number {
    return this.#live;
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
    for (const { path } of gone) this.#sinceMs.delete(path);
    return gone.map(({ path }) => path);
  }

  #livenessMs({ state }: Item): number {
    const { livenessMs, agentLivenessMs } = this.#options.times;
    return state === 'agent' ? agentLivenessMs : livenessMs;
  }
}
