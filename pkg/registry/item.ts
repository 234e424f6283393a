import { isVersion, NEVER } from './hybrid-clock';
import type { Announcement } from './types';

/**
 * What became of an entry at an origin. `withdrawn` is somebody's word, and counts against what was announced elsewhere
 * before; `ended` is only the origin's own entry that is over: it has expired, moved, or its agent has taken it back.
 */
export type ItemState = 'agent' | 'external' | 'withdrawn' | 'ended';

/** The last thing that happened to a path at an origin. A value. */
export interface Item {
  /** `shop/web.1` */
  readonly path: string;
  readonly version: string;
  readonly state: ItemState;
  /** Of `agent` and `external`. */
  readonly body?: Announcement;
  /** Of what is over: the origin waits to hear that nobody sends anything there any more. */
  readonly awaited?: true;
}

export function isLive(item: Item): boolean {
  return item.state === 'agent' || item.state === 'external';
}

/**
 * What a node knows of one origin, from a point in time on. Holds for whoever knows all up to `after`; a `whole` one for
 * everybody.
 */
export interface Delta {
  readonly origin: string;
  readonly after: string;
  /** All up to here is in it. Later things may be in it too. */
  readonly newest: string;
  /** What was over by then may have been forgotten. */
  readonly floor: string;
  readonly whole: boolean;
  /** In the order of their versions. */
  readonly items: readonly Item[];
}

/** How much a node knows of an origin. */
export interface Digest {
  readonly origin: string;
  readonly newest: string;
  readonly floor: string;
  /** Counts up while the origin lives. */
  readonly heartbeat: number;
  /** Since that heartbeat, as far as the node knows. */
  readonly ageMs: number;
}

/** The later of two points. */
export function later(a: string, b: string): string {
  return a > b ? a : b;
}

const states: readonly unknown[] = ['agent', 'external', 'withdrawn', 'ended'] satisfies ItemState[];

/** Checks a delta that came from a peer: undefined when it is none. */
export function parseDelta(value: unknown): Delta | undefined {
  if (!isRecord(value)) return undefined;
  const { origin, after, newest, floor, whole, items } = value;
  const sound =
    typeof origin === 'string' &&
    isVersion(after) &&
    isVersion(newest) &&
    isVersion(floor) &&
    typeof whole === 'boolean' &&
    Array.isArray(items) &&
    items.every(isItem);
  return sound ? (value as unknown as Delta) : undefined;
}

function isItem(value: unknown): value is Item {
  if (!isRecord(value)) return false;
  const { path, version, state, body } = value;
  return (
    typeof path === 'string' &&
    isVersion(version) &&
    version !== NEVER &&
    states.includes(state) &&
    (state === 'agent' || state === 'external' ? isRecord(body) : body === undefined)
  );
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
