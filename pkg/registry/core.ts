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
import { OriginState } from './origin-state';
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

/** A node's answer to somebody's digests: what they lack, and how much we know where that differs. */
export interface Comparison {
  readonly deltas: readonly Delta[];
  readonly digests: readonly Digest[];
}

/** About how much of items goes into one message. */
const messageBytes = 256 << 10;

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
  readonly #origins: Map<string, OriginState>;
  readonly #silent = new Set<string>();
  /** By origin, what it has said that cannot be so: the last of it. */
  readonly #refused = new Map<string, string>();
  #complete = false;
  /** What we hold of ourselves is right, but its times are not: all of it is said anew when it is known what others have. */
  #restamps = false;

  constructor(options: CoreOptions) {
    const { name, clock, times } = options;
    this.#options = options;
    this.hybrid = new HybridClock(clock, times.maxClockAheadMs);
    this.liveness = new Liveness(name, { clock, livenessMs: times.nodeLivenessMs });
    this.#own = new OwnEntries(options);
    this.#origins = new Map([[name, this.#own.state]]);
    this.index = new EntryIndex(
      (origin, path) => this.#heardMs(origin, path),
      (origin) => this.#silent.has(origin),
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
    return [...this.#refused].flatMap(([origin, point]) =>
      this.hybrid.isBeyondBelief(point) ? [origin] : [],
    );
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
    const members = new Set([...names, this.#options.name]);
    for (const [origin, state] of this.#origins) {
      if (members.has(origin)) continue;
      this.#origins.delete(origin);
      this.liveness.forget(origin);
      this.#silent.delete(origin);
      for (const item of state.items()) this.index.set(origin, item.path, undefined);
    }
    for (const name of members) {
      if (!this.#origins.has(name)) this.#origins.set(name, new OriginState(name));
    }
    this.#settle([], false);
  }

  digests(): readonly Digest[] {
    this.#keepTime();
    const now = this.#options.clock.monotonic();
    return [...this.#origins.values()].map((state) => {
      const { origin } = state;
      // Of what cannot be so nothing is known.
      const { newest, floor } = this.#isDiscredited(state) ? { newest: NEVER, floor: NEVER } : state;
      const heartbeat = this.liveness.heartbeat(origin);
      const ageMs = Math.round(now - (this.liveness.heardMs(origin) ?? now));
      return { origin, newest, floor, heartbeat, ageMs };
    });
  }

  /** What somebody lacks who says that he knows so much, and in what we differ. */
  compare(theirs: readonly Digest[]): Comparison {
    const byOrigin = new Map(theirs.map((digest) => [digest.origin, digest]));
    const deltas: Delta[] = [];
    let bytes = messageBytes;
    const digests = this.digests().filter((mine) => {
      const their = byOrigin.get(mine.origin);
      if (mine.newest > (their?.newest ?? NEVER) && bytes > 0 && their) {
        const delta = this.#delta(mine.origin, their.newest, bytes);
        bytes -= JSON.stringify(delta.items).length;
        deltas.push(delta);
      }
      return (
        !their || mine.newest !== their.newest || mine.floor > their.floor || mine.heartbeat > their.heartbeat
      );
    });
    return { deltas, digests };
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
      if (this.#refuses(digest.origin, later(digest.newest, digest.floor))) continue;
      if (state !== this.#own.state) {
        if (this.#isDiscredited(state)) continue;
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
    const awaited: Awaited[] = [];
    const changed = new Set<string>();
    for (const delta of deltas) {
      const state = this.#origins.get(delta.origin);
      if (!state || (state === this.#own.state && this.#complete)) continue;
      const points = [delta.newest, delta.floor, ...delta.items.map(({ version }) => version)];
      if (this.#refuses(delta.origin, points.reduce(later))) continue;
      const own = state === this.#own.state;
      for (const point of points) {
        if (own) this.hybrid.recall(point);
        else this.hybrid.observe(point);
      }
      if (own && this.#restamps) continue;
      if (!own && this.#isDiscredited(state)) {
        // What is held serves until there is all of what takes its place.
        if (!delta.whole && delta.after !== NEVER) {
          gap = true;
          continue;
        }
        for (const path of state.clear()) {
          this.index.set(delta.origin, path, undefined);
          changed.add(path);
        }
      }
      gap ||= !delta.whole && delta.after > state.newest;
      const before =
        state === this.#own.state ? new Map([...state.items()].map((item) => [item.path, item])) : undefined;
      const given = new Map(delta.items.map((item) => [item.path, item]));
      for (const path of new Set(state.merge(delta))) {
        const ours = before?.get(path);
        if (ours && this.#own.hasSaid(path)) {
          this.index.set(delta.origin, path, this.#own.repeat(ours, this.hybrid.next()));
          changed.add(path);
          continue;
        }
        const item = state.get(path);
        if (before) this.#own.note(before.get(path), item);
        // What its origin has withdrawn while it recovered is forgotten in the step in which it arrives.
        const over = item ?? given.get(path);
        if (over?.awaited && state !== this.#own.state) awaited.push({ origin: delta.origin, item: over });
        this.index.set(delta.origin, path, item);
        changed.add(path);
      }
    }
    const own = this.#yield(changed);
    this.#settle(awaited, own);
    return gap;
  }

  /** Lets time take effect: a heartbeat, what has expired, who has fallen silent, what can be forgotten. */
  tick(): void {
    this.#keepTime();
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
    for (const state of this.#origins.values()) {
      if (state === this.#own.state) continue;
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

  /** Whether what an origin says cannot be so. */
  #refuses(origin: string, point: string): boolean {
    const refused = this.hybrid.isBeyondBelief(point);
    if (refused) this.#refused.set(origin, point);
    else this.#refused.delete(origin);
    return refused;
  }

  /** Whether it was believed when our clock was wrong, too. */
  #isDiscredited(state: OriginState): boolean {
    return this.hybrid.isBeyondBelief(state.latest);
  }

  /** What of an origin somebody lacks who knows all up to `after`. */
  #delta(origin: string, after: string, bytes: number): Delta {
    return (this.#origins.get(origin) ?? new OriginState(origin)).delta(after, { bytes });
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

  #watchSilence(): void {
    for (const [origin, state] of this.#origins) {
      if (state === this.#own.state) continue;
      const silent = !this.liveness.isUp(origin);
      if (silent === this.#silent.has(origin)) continue;
      if (silent) this.#silent.add(origin);
      else this.#silent.delete(origin);
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

function notYours(path: string): DeniedError {
  return new DeniedError(
    `${path} is an instance that an executor runs: only its agent announces and withdraws it, so take another name`,
  );
}
