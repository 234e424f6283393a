import { createHash } from 'node:crypto';
import { Event_Severity } from '../gen/gilliam/v1/event';
import { instances } from './objects';
import type { Event } from './objects';

/** Something that happened to an object, to be told to people. */
export interface Happening {
  /** Empty for objects outside formations. */
  readonly formation: string;
  /** The object's kind: `Instance`. */
  readonly kind: string;
  /** The object's name; for instances what people say: `web.1`. */
  readonly name: string;
  readonly uid: string;
  /** CamelCase, for programs. */
  readonly reason: string;
  /** A sentence, for people. */
  readonly message: string;
  readonly warning?: boolean;
  readonly at: Date;
}

const maxMessageChars = 1_000;

/**
 * The name of the event that the happening counts to. An instance's is `instance.web.1.restarted`, whatever the message:
 * what instances go through repeats itself, in a crash loop with another message each time. What is done to anything
 * else is `release.v1.scaled.1f0c88a2`, for its message too: that a release was scaled to 2 is not undone by its being
 * scaled to 3, and both have to be told.
 */
export function eventName({
  kind,
  name,
  reason,
  message,
}: Pick<Happening, 'kind' | 'name' | 'reason' | 'message'>): string {
  const about = `${kind}.${name}.${reason}`.toLowerCase();
  return kind === instances.name ? about : `${about}.${digest(kept(message))}`;
}

/**
 * The event with the happening counted in: repetitions of one thing are one event, and the newest message stands.
 * `newUid` names an event that is new.
 */
export function mergeEvent(before: Event | undefined, happening: Happening, newUid: () => string): Event {
  const { formation, kind, name, uid, reason, at } = happening;
  const message = kept(happening.message);
  const severity = happening.warning ? Event_Severity.WARNING : Event_Severity.NORMAL;
  const common = { severity, kind, name, uid, reason, message };
  if (!before) {
    const metadata = {
      name: eventName(happening),
      formation,
      uid: newUid(),
      generation: 1n,
      revision: 0n,
      labels: {},
      created: at,
    };
    return { ...common, metadata, count: 1, first: at, last: at };
  }
  // Happenings can arrive out of order: an executor reports late what it saw while it was cut off.
  const older = before.last !== undefined && at < before.last;
  return {
    ...before,
    ...(older ? {} : common),
    count: before.count + 1,
    first: before.first !== undefined && before.first < at ? before.first : at,
    last: older ? before.last : at,
  };
}

function kept(message: string): string {
  return message.slice(0, maxMessageChars);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
