import type { Clock } from '../base/clock';
import type { HybridClock } from './hybrid-clock';
import { NEVER } from './hybrid-clock';
import type { Delta, Digest } from './item';
import type { Liveness } from './liveness';
import { OriginState } from './origin-state';

/** A node's answer to somebody's digests: what they lack, and how much we know where that differs. */
export interface Comparison {
  readonly deltas: readonly Delta[];
  readonly digests: readonly Digest[];
}

export interface OriginsOptions {
  readonly clock: Clock;
  readonly hybrid: HybridClock;
  readonly liveness: Liveness;
  /** What the node says itself. */
  readonly own: OriginState;
}

/** About how much of items goes into one message. */
const messageBytes = 256 << 10;

/**
 * What each node of the stage has said, as far as it is known here: which of them are silent, whose times can be so, and
 * what somebody lacks who knows less.
 */
export class Origins {
  readonly #options: OriginsOptions;
  readonly #states: Map<string, OriginState>;
  readonly #silent = new Set<string>();
  /** By origin, what it has said that cannot be so: the last of it. */
  readonly #refused = new Map<string, string>();

  constructor(options: OriginsOptions) {
    this.#options = options;
    this.#states = new Map([[options.own.origin, options.own]]);
  }

  get(origin: string): OriginState | undefined {
    return this.#states.get(origin);
  }

  /** All but the node's own. */
  get others(): readonly OriginState[] {
    return [...this.#states.values()].filter((state) => state !== this.#options.own);
  }

  /** Only these and the node itself are known from now on. Answers what was known of those that are not. */
  setMembers(names: readonly string[]): readonly OriginState[] {
    const members = new Set(names);
    const gone = this.others.filter(({ origin }) => !members.has(origin));
    for (const { origin } of gone) {
      this.#states.delete(origin);
      this.#silent.delete(origin);
      this.#options.liveness.forget(origin);
    }
    for (const name of members) {
      if (this.#states.has(name)) continue;
      this.#states.set(name, new OriginState(name));
      this.#options.liveness.expect(name);
    }
    return gone;
  }

  /** As it was noticed last. */
  isSilent(origin: string): boolean {
    return this.#silent.has(origin);
  }

  /** Answers those that have fallen silent, or speak again. */
  noticeSilence(): readonly OriginState[] {
    return this.others.filter(({ origin }) => {
      const silent = !this.#options.liveness.isUp(origin);
      if (silent === this.#silent.has(origin)) return false;
      if (silent) this.#silent.add(origin);
      else this.#silent.delete(origin);
      return true;
    });
  }

  /** Whose times are too far ahead to be believed. */
  get refused(): readonly string[] {
    return [...this.#refused].flatMap(([origin, point]) =>
      this.#options.hybrid.isBeyondBelief(point) ? [origin] : [],
    );
  }

  /** Whether what an origin says cannot be so. @param point the latest time of it */
  refuses(origin: string, point: string): boolean {
    const refused = this.#options.hybrid.isBeyondBelief(point);
    if (refused) this.#refused.set(origin, point);
    else this.#refused.delete(origin);
    return refused;
  }

  /** Whether it was believed when our own clock was wrong, too. */
  isDiscredited(state: OriginState): boolean {
    return this.#options.hybrid.isBeyondBelief(state.latest);
  }

  digests(): readonly Digest[] {
    const { clock, liveness } = this.#options;
    const now = clock.monotonic();
    return [...this.#states.values()].map((state) => {
      const { origin } = state;
      // Of what cannot be so nothing is known.
      const { newest, floor } = this.isDiscredited(state) ? { newest: NEVER, floor: NEVER } : state;
      const heartbeat = liveness.heartbeat(origin);
      const ageMs = Math.round(now - (liveness.heardMs(origin) ?? now));
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
      if (!their) return true;
      const state = this.#states.get(mine.origin);
      if (state && mine.newest > their.newest && bytes > 0) {
        const delta = state.delta(their.newest, { bytes });
        bytes -= JSON.stringify(delta.items).length;
        deltas.push(delta);
      }
      return mine.newest !== their.newest || mine.floor > their.floor || mine.heartbeat > their.heartbeat;
    });
    return { deltas, digests };
  }
}
