import type { PartialKey } from '../entry-key';
import { compareInstances } from '../instance-order';
import type { Announcement, Entry, RegistryView } from '../types';

/** What a node shows of itself to those who ask for entries. */
export interface EntrySource extends Pick<RegistryView, 'lookup' | 'services'> {
  revision(formation: string, service?: string): number;
}

interface Cached {
  readonly revision: number;
  readonly text: string;
}

/** How many answers are kept as text. */
const maxCached = 10_000;

/** Answers to queries: made once for all who ask, until something changes. */
export class EntryAnswers {
  readonly #cached = new Map<string, Cached>();

  constructor(
    private readonly source: EntrySource,
    /** Tells this node's revisions from those of others, and of before its restart. */
    private readonly epoch: string,
  ) {}

  /** Differs whenever the answer does. */
  etag(key: PartialKey): string {
    return `"${this.epoch}-${this.source.revision(key.formation, key.service)}"`;
  }

  /** `{"web.1": {…}}`; undefined for one entry that is not there. */
  text(key: PartialKey, pretty = false): string | undefined {
    if (key.instance !== undefined) {
      const [entry] = this.#entries(key);
      return entry && format([entry], pretty);
    }
    if (pretty) return format(this.#entries(key), true);
    const name = key.service === undefined ? key.formation : `${key.formation}/${key.service}`;
    const revision = this.source.revision(key.formation, key.service);
    // Of what is not known nothing is kept: anybody could ask for anything.
    if (revision === 0) return '{}';
    const cached = this.#cached.get(name);
    if (cached?.revision === revision) return cached.text;
    const text = format(this.#entries(key), false);
    if (this.#cached.size >= maxCached) this.#cached.clear();
    this.#cached.set(name, { revision, text });
    return text;
  }

  #entries({ formation, service, instance }: PartialKey): readonly Entry[] {
    if (service === undefined) {
      return this.source.services(formation).flatMap((one) => this.#entries({ formation, service: one }));
    }
    const found = this.source.lookup({ formation, service, ...(instance === undefined ? {} : { instance }) });
    // In the order of people, not of announcements: nodes then answer alike.
    return [...found].sort((a, b) => compareInstances(a.instance, b.instance));
  }
}

function format(entries: readonly Entry[], pretty: boolean): string {
  const bodies: [string, Announcement][] = entries.map(({ service, instance, body }) => [
    `${service}.${instance}`,
    body,
  ]);
  const value = Object.fromEntries(bodies);
  return pretty ? `${JSON.stringify(value, null, 2)}\n` : JSON.stringify(value);
}
