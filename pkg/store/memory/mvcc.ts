import { CompactedError, InvalidError } from '../../base/errors';
import { SortedKeys } from './sorted-keys';

/** What one path held from one revision on. */
export interface Version {
  /** At which it was written. */
  readonly revision: bigint;
  /** At which the path came to be, most recently. */
  readonly created: bigint;
  /** Absent: deleted. */
  readonly bytes?: Uint8Array;
  readonly lease?: string;
}

/** What one transaction changed, in its order. */
export interface Entry {
  readonly revision: bigint;
  readonly changes: readonly { readonly path: string; readonly version: Version }[];
}

/** Paths to bytes, with all versions since the last compaction, and revisions as etcd counts them. */
export class Mvcc {
  readonly #versions = new Map<string, Version[]>();
  readonly #paths = new SortedKeys();
  /** One entry a revision, without gaps: the last is of `#revision`. */
  #history: Entry[] = [];
  #revision = 1n;
  #compacted = 0n;

  get revision(): bigint {
    return this.#revision;
  }

  /** How many transactions are kept. */
  get kept(): number {
    return this.#history.length;
  }

  /** What the path holds now, or held at a revision. */
  get(path: string, at: bigint = this.#revision): Version | undefined {
    const version = this.#versions.get(path)?.findLast((candidate) => candidate.revision <= at);
    return version?.bytes ? version : undefined;
  }

  /** The live paths from `start` to before `end`, in order. */
  *range(start: string, end: string, at: bigint = this.#revision): Iterable<readonly [string, Version]> {
    this.#check(at);
    for (const path of this.#paths.between(start, end)) {
      const version = this.get(path, at);
      if (version) yield [path, version];
    }
  }

  /** All changes in one new revision. */
  apply(changes: readonly { path: string; bytes?: Uint8Array; lease?: string }[]): bigint {
    const revision = ++this.#revision;
    const entry: Entry = {
      revision,
      changes: changes.map(({ path, bytes, lease }) => {
        const created = this.get(path, revision - 1n)?.created ?? revision;
        return { path, version: bytes ? { revision, created, bytes, lease } : { revision, created } };
      }),
    };
    for (const { path, version } of entry.changes) this.#append(path, version);
    this.#history.push(entry);
    return revision;
  }

  /** The transactions after a revision, at most so many. */
  since(after: bigint, limit: number): readonly Entry[] {
    this.#check(after);
    const from = Number(after - (this.#revision - BigInt(this.#history.length)));
    return this.#history.slice(Math.max(0, from), Math.max(0, from) + limit);
  }

  /** Forgets all versions that nobody sees at or after the revision. */
  compact(revision: bigint): void {
    if (revision > this.#revision) throw new InvalidError(`revision ${revision} is in the future`);
    if (revision <= this.#compacted) return;
    this.#compacted = revision;
    this.#history = this.#history.slice(
      Math.max(0, this.#history.length - Number(this.#revision - revision)),
    );
    for (const [path, versions] of this.#versions) {
      const seen = versions.findLastIndex((version) => version.revision <= revision);
      if (seen < 0) continue;
      versions.splice(0, versions[seen]?.bytes ? seen : seen + 1);
      if (versions.length > 0) continue;
      this.#versions.delete(path);
      this.#paths.delete(path);
    }
  }

  #append(path: string, version: Version): void {
    const versions = this.#versions.get(path);
    if (versions) {
      versions.push(version);
      return;
    }
    this.#versions.set(path, [version]);
    this.#paths.add(path);
  }

  #check(at: bigint): void {
    if (at < this.#compacted) throw this.#compactedError(at);
    if (at > this.#revision)
      throw new CompactedError(
        `revision ${at} is none of this store, which is at ${this.#revision}: list again`,
      );
  }

  #compactedError(at: bigint): CompactedError {
    return new CompactedError(
      `revision ${at} is no longer kept, ${this.#compacted} and later are: list again`,
    );
  }
}
