/** A key of the model: `<formation>/<name>`. */
export type ModelKey = string;

export interface ModelWrite {
  readonly op: 'create' | 'update' | 'delete';
  readonly key: ModelKey;
  readonly value: number;
  /** Of an update or a deletion. */
  readonly revision: number;
}

export interface ModelGuard {
  readonly key: ModelKey;
  readonly revision: number;
}

interface ModelObject {
  readonly value: number;
  readonly revision: number;
}

type Snapshot = ReadonlyMap<ModelKey, ModelObject>;

/** The store as naively as it can be: a copy of everything at each revision, counted from 0. */
export class StoreModel {
  readonly #snapshots: Snapshot[] = [new Map()];
  readonly #logs: string[][] = [[]];
  #compacted = 0;

  get revision(): number {
    return this.#snapshots.length - 1;
  }

  get(key: ModelKey): ModelObject | undefined {
    return this.#snapshots.at(-1)?.get(key);
  }

  /** `committed 7`, or the name of the error. */
  commit(writes: readonly ModelWrite[], guards: readonly ModelGuard[]): string {
    if (new Set(writes.map(({ key }) => key)).size < writes.length) return 'InternalError';
    const at = (key: ModelKey) => this.get(key)?.revision ?? -1;
    if (guards.some(({ key, revision }) => at(key) !== revision)) return 'ConflictError';
    for (const { op, key, revision } of writes) {
      if (op === 'create' && at(key) !== -1) return 'ExistsError';
      if (op !== 'create' && at(key) !== revision) return 'ConflictError';
    }
    if (writes.length === 0) return `committed ${this.revision}`;
    const revision = this.revision + 1;
    const next = new Map(this.#snapshots.at(-1));
    for (const { op, key, value } of writes)
      if (op === 'delete') next.delete(key);
      else next.set(key, { value, revision });
    this.#snapshots.push(next);
    this.#logs.push(
      writes.map(({ op, key, value }) =>
        op === 'delete' ? `${key} deleted` : `${key}=${value}@${revision}`,
      ),
    );
    return `committed ${revision}`;
  }

  /** `a/one=1@3 …` with `more` at the end when the limit cut it, or the name of the error. */
  list(options: { at: number; formation?: string; limit?: number; after?: ModelKey }): string {
    if (options.at < this.#compacted || options.at > this.revision) return 'CompactedError';
    const all = [...(this.#snapshots[options.at] ?? [])]
      .filter(([key]) => options.formation === undefined || key.startsWith(`${options.formation}/`))
      .filter(([key]) => options.after === undefined || key > options.after)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const items = all
      .slice(0, options.limit)
      .map(([key, { value, revision }]) => `${key}=${value}@${revision}`);
    return [...items, ...(items.length < all.length ? ['more'] : [])].join(' ');
  }

  compact(revision: number): void {
    this.#compacted = Math.max(this.#compacted, revision);
  }

  /** What a watch gives after a revision, or the name of the error. */
  watch(after: number): readonly string[] | string {
    if (after < this.#compacted) return 'CompactedError';
    return this.#logs.slice(after + 1).flat();
  }
}
