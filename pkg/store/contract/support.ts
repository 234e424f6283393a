import { sleep, SystemClock } from '../../base/clock';
import {
  type Event,
  events,
  type Formation,
  formations,
  type Kind,
  type Scale,
  scales,
  type StoredObject,
} from '../../resource/objects';
import type { Change, Store, WatchBatch, WatchOptions, Write } from '../store';

/** What the contract suite needs of an implementation. */
export interface StoreHarness {
  /** A client of its own of the one state, which is empty at first. */
  open(): Promise<Store>;
  /** Forgets the history before the revision. */
  compact(revision: bigint): Promise<void>;
  /** The shortest time to live that leases may have. */
  readonly ttlMs: number;
  /** Ends all that was opened. */
  close(): Promise<void>;
}

export const clock = new SystemClock();

export function formation(name: string, labels: Record<string, string> = {}): Formation {
  const empty = formations.decode(new Uint8Array());
  return { ...empty, metadata: { ...empty.metadata, name, labels } };
}

export function scale(formationName: string, name: string, web = 0): Scale {
  const empty = scales.decode(new Uint8Array());
  return {
    ...empty,
    metadata: { ...empty.metadata, formation: formationName, name },
    spec: { factors: { web } },
  };
}

export function event(formationName: string, name: string): Event {
  const empty = events.decode(new Uint8Array());
  return { ...empty, metadata: { ...empty.metadata, formation: formationName, name } };
}

export function create<T extends StoredObject>(kind: Kind<T>, object: T): Write {
  return { op: 'create', kind, object };
}

export function update<T extends StoredObject>(kind: Kind<T>, object: T, revision: bigint): Write {
  return { op: 'update', kind, object: { ...object, metadata: { ...object.metadata, revision } } };
}

export function remove<T extends StoredObject>(kind: Kind<T>, object: T, revision: bigint): Write {
  const { formation: formationName, name } = object.metadata;
  return { op: 'delete', kind, key: { formation: formationName, name }, revision };
}

/** `formation/name` of each. */
export function namesOf(objects: readonly StoredObject[]): string[] {
  return objects.map(({ metadata }) => `${metadata.formation}/${metadata.name}`);
}

/** Resolves once the condition holds; fails after `withinMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 10_000,
): Promise<void> {
  const limit = clock.monotonic() + withinMs;
  while (!(await condition())) {
    if (clock.monotonic() > limit) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(clock, 5);
  }
}

/** Runs a watch beside the test, and keeps what it gives. */
export class Recorder {
  readonly batches: WatchBatch[] = [];
  readonly changes: Change[] = [];
  /** What ended the watch. */
  error: unknown;
  ended = false;
  /** Called, and waited for, with each batch: a slow consumer. */
  slow: (() => Promise<void>) | undefined;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(store: Store, options: WatchOptions) {
    this.#running = this.#run(store, options);
  }

  /** How far the watch has come. */
  get revision(): bigint {
    return this.batches.at(-1)?.revision ?? -1n;
  }

  /** `put <formation>/<name>` or `delete …` of each change. */
  get log(): string[] {
    return this.changes.map(({ key, object }) => `${object ? 'put' : 'delete'} ${key.formation}/${key.name}`);
  }

  async reached(revision: bigint, withinMs?: number): Promise<void> {
    await until(
      `the watch comes to revision ${revision}`,
      () => {
        if (this.error) throw this.error as Error;
        return this.revision >= revision;
      },
      withinMs,
    );
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(store: Store, options: WatchOptions): Promise<void> {
    try {
      for await (const batch of store.watch(options, this.#stop.signal)) {
        this.batches.push(batch);
        this.changes.push(...batch.changes);
        await this.slow?.();
      }
    } catch (error) {
      this.error = error;
    }
    this.ended = true;
  }
}
