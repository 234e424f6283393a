import { InstanceState } from '../../gen/gilliam/v1/instance';
import type { Instance, Kind, StoredObject } from '../../resource/objects';
import {
  cronJobs,
  events,
  executors,
  formations,
  instances,
  releases,
  rollouts,
  routes,
  scales,
  sessions,
  usages,
  volumes,
} from '../../resource/objects';
import { decodeObject } from '../../store/codec';
import { byPlural, parsePath } from '../../store/keys';
import type { MemoryServer } from '../../store/memory/memory-server';
import type { ObjectKey } from '../../store/store';

const kinds = byPlural([
  ...[cronJobs, events, executors, formations, instances, releases, rollouts],
  ...[routes, scales, sessions, usages, volumes],
]);

/** One object's change, as the store carried it out. */
export interface StoreChange {
  readonly revision: bigint;
  readonly kind: Kind<StoredObject>;
  readonly key: ObjectKey;
  /** `instances/shop/web-1-1` */
  readonly path: string;
  /** Absent: deleted. */
  readonly object: StoredObject | undefined;
  readonly before: StoredObject | undefined;
}

/** What is known of an instance, for ever. */
export interface InstanceRecord {
  /** As it was last; it may be deleted by now. */
  instance: Instance;
  deleted: boolean;
  /** When it was placed, and when it was declared lost. */
  assignedAt: bigint | undefined;
  lostAt: bigint | undefined;
}

/** All that the store ever was, seen from beside it: the moment that a transaction is carried out, whoever sent it. */
export class History {
  readonly changes: StoreChange[] = [];
  readonly #instances = new Map<string, InstanceRecord>();
  readonly #now = new Map<string, StoredObject>();
  readonly #server: MemoryServer;
  readonly #listeners: ((change: StoreChange) => void)[] = [];
  #revision: bigint;

  constructor(server: MemoryServer) {
    this.#server = server;
    this.#revision = server.revision;
    server.onChange(() => this.#read());
  }

  get revision(): bigint {
    return this.#revision;
  }

  onChange(listener: (change: StoreChange) => void): void {
    this.#listeners.push(listener);
  }

  /** By uid. */
  instance(uid: string): InstanceRecord | undefined {
    return this.#instances.get(uid);
  }

  /** What there is now. */
  list<T extends StoredObject>(kind: Kind<T>): readonly T[] {
    const prefix = `${kind.plural}/`;
    return [...this.#now].filter(([path]) => path.startsWith(prefix)).map(([, object]) => object as T);
  }

  get<T extends StoredObject>(kind: Kind<T>, formation: string, name: string): T | undefined {
    return this.#now.get(`${kind.plural}/${formation || '-'}/${name}`) as T | undefined;
  }

  /** The version of an object that was written at a revision. */
  written(kind: Kind<StoredObject>, { formation, name }: ObjectKey, revision: bigint) {
    return this.changes.find(
      (change) =>
        change.revision === revision &&
        change.kind === kind &&
        change.key.formation === formation &&
        change.key.name === name,
    )?.object;
  }

  /** What was carried out after one revision, up to another. */
  between(after: bigint, revision: bigint): readonly StoreChange[] {
    let end = this.changes.length;
    while (end > 0 && (this.changes[end - 1]?.revision ?? 0n) > revision) end--;
    let start = end;
    while (start > 0 && (this.changes[start - 1]?.revision ?? 0n) > after) start--;
    return this.changes.slice(start, end);
  }

  #read(): void {
    for (const { revision, changes } of this.#server.since(this.#revision, 10_000)) {
      this.#revision = revision;
      for (const { path, version } of changes) {
        const parsed = parsePath(path);
        const kind = parsed && kinds.get(parsed.plural);
        if (!parsed || !kind) continue;
        const object = version.bytes && decodeObject(kind, path, version.bytes, revision);
        const change = { revision, kind, key: parsed.key, path, object, before: this.#now.get(path) };
        if (object) this.#now.set(path, object);
        else this.#now.delete(path);
        if (kind === (instances as unknown)) this.#remember(change);
        this.changes.push(change);
        for (const listener of this.#listeners) listener(change);
      }
    }
  }

  #remember({ revision, object, before }: StoreChange): void {
    const instance = (object ?? before) as Instance;
    const { uid } = instance.metadata;
    const known = this.#instances.get(uid);
    const record = known ?? { instance, deleted: false, assignedAt: undefined, lostAt: undefined };
    record.instance = instance;
    record.deleted = object === undefined;
    if (instance.spec.executor !== '') record.assignedAt ??= revision;
    if (instance.status.state === InstanceState.LOST) record.lostAt ??= revision;
    this.#instances.set(uid, record);
  }
}
