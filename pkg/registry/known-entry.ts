import { formatKey } from './entry-key';
import type { Item } from './item';
import type { Announcement, Entry, EntryKey } from './types';

/** Since when, by the monotonic clock, it is known that an entry is alive. */
export type HeardMs = (origin: string, path: string) => number;

/** What a node has of an entry, beside its key. */
export interface Known {
  readonly origin: string;
  readonly item: Item;
  readonly stale: boolean;
}

/**
 * An entry that a node knows of. A class, and no literal with a getter: a node has thousands, and the engine gives each
 * literal with a getter of its own a layout of its own.
 */
export class KnownEntry implements Entry {
  readonly formation: string;
  readonly service: string;
  readonly instance: string;
  readonly body: Announcement;
  readonly origin: string;
  readonly source: Entry['source'];
  readonly version: string;
  readonly stale: boolean;
  readonly #heardMs: HeardMs;

  constructor(key: EntryKey, { origin, item, stale }: Known, heardMs: HeardMs) {
    this.formation = key.formation;
    this.service = key.service;
    this.instance = key.instance;
    this.body = item.body ?? {};
    this.origin = origin;
    this.source = item.state === 'agent' ? 'agent' : 'external';
    this.version = item.version;
    this.stale = stale;
    this.#heardMs = heardMs;
  }

  /** Asked for rarely, and changes all the time. */
  get heardMs(): number {
    return this.#heardMs(this.origin, formatKey(this));
  }
}
