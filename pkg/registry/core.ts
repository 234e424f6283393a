import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock';
import { DeniedError } from '../base/errors';
import type { IndexChange } from './entry-index';
import { EntryIndex } from './entry-index';
import { formatKey } from './entry-key';
import { HybridClock, NEVER } from './hybrid-clock';
import type { Delta, Digest, Item } from './item';
import { isLive, later } from './item';
import { Liveness } from './liveness';
import type { OriginState } from './origin-state';
import type { Comparison } from './origins';
import { Origins } from './origins';
import { OwnEntries } from './own-entries';
import type { RegistryLimits, RegistryTimes } from './settings';
import type { Announcement, Entry, EntryKey } from './types';

/** An item whose origin waits for everybody. */
export interface Awaited {
  readonly origin: string;
  readonly item: Item;
}

/** What has changed in one step. */
export interface Step {
  readonly changes: readonly IndexChange[];
  readonly awaited: readonly Awaited[];
  /** Something was recorded here that peers do not know yet. */
  readonly own: boolean;
}

export interface CoreOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly times: RegistryTimes;
  readonly limits: RegistryLimits;
  readonly onStep: (step: Step) => void;
}

/** What a node keeps of itself over a restart. */
export interface SavedState {
  readonly newest: string;
  readonly items: readonly Item[];
  /** Since each item's path was announced or renewed. */
  readonly agesMs?: Readonly<Record<string, number>>;
  /** All this has yet to be said anew: the clock was far ahead. */
  readonly restamps?: true;
}

/** What some deltas have brought. */
interface News {
  /** Paths. */
  readonly changed: Set<string>;
  readonly awaited: Awaited[];
}

/**
 * What a node knows, and how that changes: by what is announced here, by what peers say, by time. Knows nothing of
 * networks.
 */
export class RegistryCore {
  readonly hybrid: HybridClock;
  readonly liveness: Liveness;
  readonly index: EntryIndex;
  readonly #options: CoreOptions;
  readonly #own: OwnEntries;
  readonly #origins: Origins;
  #complete = false;
  /** Since when there is nobody else; undefined while there is. */
  #aloneSinceMs: number | undefined;
  /** What we hold of ourselves is right, but its times are not: all of it is said anew when it is known what others have. */
  #restamps = false;

  constructor(options: CoreOptions) {
    const { name, clock, times } = options;
    this.#options = options;
    this.#aloneSinceMs = clock.monotonic();
    this.hybrid = new HybridClock(clock, times.maxClockAheadMs);
    this.liveness = new Liveness(name, { clock, livenessMs: times.nodeLivenessMs });
    this.#own = new OwnEntries(options);
    const { hybrid, liveness } = this;
    this.#origins = new Origins({ clock, hybrid, liveness, own: this.#own.state });
    this.index = new EntryIndex(
      (origin, path) => this.#heardMs(origin, path),
      (origin) => this.#origins.isSilent(origin),
    );
  }

  /**
   * Whether it knows what it has said before. A node that was restarted asks its peers first: until then it tells nobody
   * how far it knows itself.
   */
  get complete(): boolean {
    return this.#complete;
  }

  /** How many entries live that were announced here. */
  get liveOwn(): number {
    return this.#own.live;
  }

  /** How many of those others have announced, and not the agent. */
  get externalOwn(): number {
    return this.#own.external;
  }

  /** Whose times are too far ahead to be believed. */
  get refused(): readonly string[] {
    return this.#origins.refused;
  }

  get ownNewest(): string {
    return this.#own.state.newest;
  }

  /** Begins with what was kept over a restart, `awayMs` ago. */
  restore(saved: SavedState, awayMs: number): void {
    this.hybrid.recall(saved.newest);
    for (const item of saved.items) {
      this.hybrid.recall(item.version);
      this.#own.restore(item, (saved.agesMs?.[item.path] ?? 0) + awayMs);
      this.index.set(this.#options.name, item.path, item);
    }
    this.#restamps =
      saved.restamps === true ||
      [saved.newest, this.#own.state.latest].some((point) => this.hybrid.isBeyondBelief(point));
    this.#own.state.declare(this.#restamps ? NEVER : saved.newest);
    this.#settle([], false);
  }

  save(): SavedState {
    const now = this.#options.clock.monotonic();
    const items = [...this.#own.state.items()].filter(isLive);
    const agesMs: Record<string, number> = {};
    for (const { path } of items) agesMs[path] = Math.round(now - (this.#own.sinceMs(path) ?? now));
    return {
      ...{ newest: this.#own.state.newest, items, agesMs },
      ...(this.#restamps ? { restamps: true } : {}),
    };
  }

  /** What it holds of itself is all there is, from now on. */
  finishRecovery(): void {
    if (this.#complete) return;
    this.#complete = true;
    if (this.#restamps) this.#restamp();
    this.#own.state.declare(this.hybrid.next());
    // Of nothing nobody has to be told at once: hundreds of nodes may be started together.
    this.#settle([], this.#own.state.size > 0);
  }

  /** Announces, or renews what is the same already. Answers whether it was new. */
  announce(key: EntryKey, body: Announcement, source: Entry['source']): boolean {
    this.#keepTime();
    const path = formatKey(key);
    const current = this.index.current(path);
    if (source === 'external' && current?.item.state === 'agent') throw notYours(path);
    const held = this.#own.get(path);
    if (held?.state === source && current?.item === held && isDeepStrictEqual(held.body, body)) {
      this.#own.renew(path);
      return false;
    }
    if (!held || !isLive(held)) this.#own.admit(key, source);
    this.#record({ path, version: this.hybrid.next(), state: source, body });
    this.#settle([], true);
    return !current || !isLive(current.item);
  }

  /**
   * Withdraws. An agent only takes back its own word; anybody else's word counts wherever it was announced. Answers what
   * was recorded; undefined when there was nothing.
   */
  withdraw(key: EntryKey, source: Entry['source'], awaited: boolean): Item | undefined {
    this.#keepTime();
    const path = formatKey(key);
    const current = this.index.current(path);
    const held = this.#own.get(path);
    if (source === 'external' && current?.item.state === 'agent') throw notYours(path);
    const there = source === 'agent' ? held?.state === 'agent' : current && isLive(current.item);
    // An agent that waits again, after a restart or a lost answer, is still to hear who has confirmed.
    if (!there && !(awaited && source === 'agent')) return undefined;
    const item: Item = {
      path,
      version: this.hybrid.next(),
      state: source === 'agent' ? 'ended' : 'withdrawn',
      ...(awaited ? { awaited } : {}),
    };
    this.#record(item);
    this.#settle(awaited ? [{ origin: this.#options.name, item }] : [], true);
    return item;
  }

  /** Only these nodes and itself are listened to, and with the others their entries go. */
  setMembers(names: readonly string[]): void {
    const { name, clock } = this.#options;
    const alone = names.every((each) => each === name);
    this.#aloneSinceMs = alone ? (this.#aloneSinceMs ?? clock.monotonic()) : undefined;
    for (const state of this.#origins.setMembers(names)) {
      for (const { path } of state.items()) this.index.set(state.origin, path, undefined);
    }
    this.#settle([], false);
  }

  digests(): readonly Digest[] {
    this.#keepTime();
    return this.#origins.digests();
  }

  /** What somebody lacks who says that he knows so much, and in what we differ. */
  compare(theirs: readonly Digest[]): Comparison {
    this.#keepTime();
    return this.#origins.compare(theirs);
  }

  /** What of ourselves is news to somebody who knows all up to `after`. */
  ownDelta(after: string): Delta {
    return this.#own.state.delta(after);
  }

  /** Takes note of how much a peer knows, and of who lives. */
  hear(theirs: readonly Digest[]): void {
    for (const digest of theirs) {
      const state = this.#origins.get(digest.origin);
      if (!state) continue;
      this.liveness.hear(digest);
      if (this.#origins.refuses(digest.origin, later(digest.newest, digest.floor))) continue;
      if (state !== this.#own.state) {
        if (this.#origins.isDiscredited(state)) continue;
        for (const path of state.raiseFloor(digest.floor)) this.index.set(digest.origin, path, undefined);
      }
      // Somebody knows more of us than we do: our clock has gone back, or what was kept is lost.
      else if (digest.newest > state.newest) {
        this.hybrid.recall(digest.newest);
        this.#complete = false;
      }
    }
    this.#watchSilence();
  }

  /** Takes over what is news. Answers whether something before it is missing. */
  receive(deltas: readonly Delta[]): boolean {
    let gap = false;
    const news: News = { changed: new Set(), awaited: [] };
    for (const delta of deltas) {
      const state = this.#origins.get(delta.origin);
      const own = state === this.#own.state;
      if (!state || (own && this.#complete)) continue;
      const points = [delta.newest, delta.floor, ...delta.items.map(({ version }) => version)];
      if (this.#origins.refuses(delta.origin, points.reduce(later))) continue;
      for (const point of points) {
        if (own) this.hybrid.recall(point);
        else this.hybrid.observe(point);
      }
      const missing = own ? this.#recover(delta, news) : this.#follow(state, delta, news);
      gap ||= missing;
    }
    const own = this.#yield(news.changed);
    this.#settle(news.awaited, own);
    return gap;
  }

  /** Lets time take effect: a heartbeat, what has expired, who has fallen silent, what can be forgotten. */
  tick(): void {
    this.#keepTime();
    this.#endSolitude();
    this.liveness.beat();
    const expired = this.#own.expired();
    for (const { path } of expired) this.#end(path);
    this.#settle([], expired.length > 0);
    this.#watchSilence();
    this.#forgetOld();
  }

  /**
   * Where our clock was far ahead and has been set right, all that we have said of ourselves is of a time that is yet to
   * come: nothing of it is told, until it is known what peers have believed, and then it is said anew.
   */
  #keepTime(): void {
    if (!this.hybrid.isBeyondBelief(this.hybrid.last)) return;
    this.hybrid.reset();
    for (const state of this.#origins.others) {
      this.hybrid.observe(state.newest);
      for (const { version } of state.items()) this.hybrid.observe(version);
    }
    this.#own.state.declare(NEVER);
    this.#restamps = true;
    this.#complete = false;
  }

  #restamp(): void {
    this.#restamps = false;
    const { name } = this.#options;
    for (const item of this.#own.restamp(() => this.hybrid.next())) this.index.set(name, item.path, item);
  }

  /** Takes over what others remember of us. Answers whether something before it is missing. */
  #recover(delta: Delta, { changed }: News): boolean {
    if (this.#restamps) return false;
    const gap = isAhead(delta, this.#own.state);
    for (const path of this.#own.recover(delta, () => this.hybrid.next())) {
      this.index.set(delta.origin, path, this.#own.get(path));
      changed.add(path);
    }
    return gap;
  }

  /** Takes over what another origin has said. Answers whether something before it is missing. */
  #follow(state: OriginState, delta: Delta, { changed, awaited }: News): boolean {
    if (this.#origins.isDiscredited(state)) {
      // What is held serves until there is all of what takes its place.
      if (!delta.whole && delta.after !== NEVER) return true;
      for (const path of state.clear()) {
        this.index.set(delta.origin, path, undefined);
        changed.add(path);
      }
    }
    const gap = isAhead(delta, state);
    const given = new Map(delta.items.map((item) => [item.path, item]));
    for (const path of new Set(state.merge(delta))) {
      const item = state.get(path);
      // What its origin has withdrawn while it recovered is forgotten in the step in which it arrives.
      const over = item ?? given.get(path);
      if (over?.awaited) awaited.push({ origin: delta.origin, item: over });
      this.index.set(delta.origin, path, item);
      changed.add(path);
    }
    return gap;
  }

  #record(item: Item): void {
    this.#own.record(item, this.#complete);
    this.index.set(this.#options.name, item.path, item);
  }

  #end(path: string): void {
    this.#record({ path, version: this.hybrid.next(), state: 'ended' });
  }

  /** Ends what is ours where somebody else's announcement counts now. */
  #yield(paths: Iterable<string>): boolean {
    let ended = false;
    for (const path of paths) {
      const held = this.#own.get(path);
      if (!held || !isLive(held) || this.index.current(path)?.item === held) continue;
      this.#end(path);
      ended = true;
    }
    return ended;
  }

  /** With nobody to ask for so long, whatever others may still know of us is over: what we hold is all there is. */
  #endSolitude(): void {
    const { clock, times } = this.#options;
    if (this.#complete || this.#aloneSinceMs === undefined) return;
    if (clock.monotonic() - this.#aloneSinceMs > times.tombstoneMs) this.finishRecovery();
  }

  #watchSilence(): void {
    for (const state of this.#origins.noticeSilence()) {
      for (const item of state.items()) if (isLive(item)) this.index.touch(item.path);
    }
    this.#settle([], false);
  }

  /** Raises our floor over what has been over for long. */
  #forgetOld(): void {
    if (!this.#complete) return;
    const { name } = this.#options;
    // A withdrawal of what was announced elsewhere is kept as long as that is there: it would come back otherwise.
    const gone = this.#own.forgetOld(
      ({ path, state }) => state === 'withdrawn' && this.index.isHeldElsewhere(path, name),
    );
    for (const path of gone) this.index.set(name, path, undefined);
    if (gone.length > 0) this.#settle([], false);
  }

  #heardMs(origin: string, path: string): number {
    const { clock, name } = this.#options;
    const heardMs = origin === name ? this.#own.sinceMs(path) : this.liveness.heardMs(origin);
    return heardMs ?? clock.monotonic();
  }

  #settle(awaited: readonly Awaited[], own: boolean): void {
    const changes = this.index.settle();
    if (changes.length > 0 || awaited.length > 0 || own) this.#options.onStep({ changes, awaited, own });
  }
}

/** Whether it says nothing of a time before it that is not known here. */
function isAhead(delta: Delta, state: OriginState): boolean {
  return !delta.whole && delta.after > state.newest;
}

function notYours(path: string): DeniedError {
  return new DeniedError(
    `${path} is an instance that an executor runs: only its agent announces and withdraws it, so take another name`,
  );
}
