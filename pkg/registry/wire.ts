import { InvalidError } from '../base/errors';
import { isVersion } from './hybrid-clock';
import type { Delta, Digest } from './item';
import { isRecord, parseDelta } from './item';
import type { Push } from './outbox';
import type { Changes, Entry } from './types';

/** What nodes say to each other: `POST /-/gossip`. The answer has the same form. */
export interface GossipMessage {
  readonly from: string;
  /** The sender's wall clock. */
  readonly wallMs: number;
  /** How much the sender knows of every origin: asks for what he lacks. */
  readonly digests?: readonly Digest[];
  /** Who lives, as far as it is news. */
  readonly beats?: readonly Digest[];
  readonly deltas?: readonly Delta[];
  /** What has just changed. */
  readonly pushes?: readonly Push[];
}

type DigestRow = readonly [string, string, string, number, number];

/** As text for the wire. Digests are most of what is sent at rest, so they are rows. */
export function formatGossip(message: GossipMessage): string {
  const { digests, beats, pushes, ...rest } = message;
  return JSON.stringify({
    ...rest,
    ...(digests ? { digests: digests.map(rowOf) } : {}),
    ...(beats ? { beats: beats.map(rowOf) } : {}),
    ...(pushes
      ? { pushes: pushes.map(({ beat, ...push }) => ({ ...push, beat: beat && rowOf(beat) })) }
      : {}),
  });
}

/** Throws InvalidError, saying what is wrong. */
export function parseGossip(value: unknown): GossipMessage {
  if (!isRecord(value)) throw new InvalidError('a message of a peer is a JSON object');
  const { from, wallMs, digests, beats, deltas, pushes } = value;
  if (typeof from !== 'string' || typeof wallMs !== 'number') {
    throw new InvalidError('a message of a peer says from whom it is, and what time it is there');
  }
  return {
    from,
    wallMs,
    digests: listOf('digests', digests, parseRow),
    beats: listOf('beats', beats, parseRow),
    deltas: listOf('deltas', deltas, parseDelta),
    pushes: listOf('pushes', pushes, parsePush),
  };
}

function listOf<T>(
  what: string,
  value: unknown,
  parse: (one: unknown) => T | undefined,
): readonly T[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw new InvalidError(`${what} of a message of a peer is a list`);
  return value.map((one, index) => {
    const parsed = parse(one);
    if (parsed === undefined) throw new InvalidError(`${what}[${index}] of a message of a peer is malformed`);
    return parsed;
  });
}

function parsePush(value: unknown): Push | undefined {
  if (!isRecord(value)) return undefined;
  const delta = parseDelta(value.delta);
  const beat = value.beat === undefined ? undefined : parseRow(value.beat);
  const { passTo } = value;
  const sound =
    delta &&
    (value.beat === undefined || beat) &&
    Array.isArray(passTo) &&
    passTo.every((one) => typeof one === 'string');
  return sound ? { delta, beat, passTo: passTo } : undefined;
}

function rowOf({ origin, newest, floor, heartbeat, ageMs }: Digest): DigestRow {
  return [origin, newest, floor, heartbeat, ageMs];
}

function parseRow(value: unknown): Digest | undefined {
  if (!Array.isArray(value)) return undefined;
  const [origin, newest, floor, heartbeat, ageMs] = value as unknown[];
  const sound =
    typeof origin === 'string' &&
    isVersion(newest) &&
    isVersion(floor) &&
    Number.isSafeInteger(heartbeat) &&
    Number.isFinite(ageMs);
  return sound
    ? { origin, newest, floor, heartbeat: heartbeat as number, ageMs: ageMs as number }
    : undefined;
}

/** An entry as another process is told of it: clocks are each process's own. */
export type WireEntry = Omit<Entry, 'heardMs'> & { readonly ageMs: number };

/** One line of `GET /-/follow`. */
export type FollowLine =
  /** The first line of a connection: all there is. */
  | {
      readonly session: string;
      readonly node: string;
      readonly seq: number;
      readonly snapshot: readonly WireEntry[];
      /** Names of services that something was lately announced for. */
      readonly names: readonly string[];
    }
  | {
      readonly seq: number;
      readonly announced: readonly WireEntry[];
      readonly withdrawn: readonly WireEntry[];
    }
  /** To be answered by a confirmation, if only of nothing. */
  | { readonly ping: true };

/** `POST /-/follow/ack` */
export interface FollowAck {
  readonly name: string;
  readonly session: string;
  readonly seqs: readonly number[];
}

export function toWire(entry: Entry, nowMs: number): WireEntry {
  const { formation, service, instance, body, origin, source, version, stale, heardMs } = entry;
  const ageMs = Math.max(0, Math.round(nowMs - heardMs));
  return { formation, service, instance, body, origin, source, version, stale, ageMs };
}

export function changesToWire({ announced, withdrawn }: Changes, nowMs: number) {
  return {
    announced: announced.map((entry) => toWire(entry, nowMs)),
    withdrawn: withdrawn.map((entry) => toWire(entry, nowMs)),
  };
}
