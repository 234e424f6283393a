import type { Disposable } from '../base/disposable';
import type { Kind, StoredObject } from '../resource/objects';

/** Where an object is: with its kind, unique in the stage. */
export interface ObjectKey {
  /** Empty for kinds that are not formation-scoped (and for events of those). */
  readonly formation: string;
  readonly name: string;
}

/**
 * One write of a transaction. A written object lives as long as the `lease` of its last write; without one, until it is
 * deleted. FencedError when that lease is over.
 */
export type Write =
  /** Fails with ExistsError when the key is taken. Gives the object its revision. */
  | {
      readonly op: 'create';
      readonly kind: Kind<StoredObject>;
      readonly object: StoredObject;
      readonly lease?: Lease;
    }
  /** Fails with ConflictError unless the stored object's revision is `object.metadata.revision`. */
  | {
      readonly op: 'update';
      readonly kind: Kind<StoredObject>;
      readonly object: StoredObject;
      readonly lease?: Lease;
    }
  /** Fails with ConflictError unless the stored object's revision is `revision`. */
  | {
      readonly op: 'delete';
      readonly kind: Kind<StoredObject>;
      readonly key: ObjectKey;
      readonly revision: bigint;
    };

/** What must hold for a transaction to be carried out. */
export type Guard =
  /** The object is there at exactly this revision, or, with 0, is not there. Else ConflictError. */
  | {
      readonly guard: 'object';
      readonly kind: Kind<StoredObject>;
      readonly key: ObjectKey;
      readonly revision: bigint;
    }
  /** The leadership is still held. Else FencedError: step down. */
  | { readonly guard: 'leadership'; readonly leadership: Leadership };

export interface ListOptions {
  /** Only the objects of this formation; '' for those of none. */
  readonly formation?: string;
  /** Read as of this revision; default the newest. */
  readonly at?: bigint;
  /** At most so many, 1 or more. Default all. */
  readonly limit?: number;
  /** Only keys after this one, in key order: that of `<formation>/<name>`, by bytes. */
  readonly after?: ObjectKey;
}

export interface ListResult<T> {
  readonly items: readonly T[];
  /** The store's revision that the list shows: watch after this. */
  readonly revision: bigint;
  /** Whether `limit` cut the list. */
  readonly more: boolean;
}

/** One object's change. */
export interface Change {
  readonly kind: Kind<StoredObject>;
  readonly key: ObjectKey;
  /** The object as of this revision; absent when it was deleted. */
  readonly object?: StoredObject;
}

/** All changes of one or several whole transactions, in order. */
export interface WatchBatch {
  readonly changes: readonly Change[];
  /** Every change up to this revision has been delivered. */
  readonly revision: bigint;
}

export interface WatchOptions {
  readonly kinds: readonly Kind<StoredObject>[];
  /** Deliver what happened after this revision. */
  readonly after: bigint;
  /** Only the objects of this formation. */
  readonly formation?: string;
}

/** A right to keep objects alive; renewed by itself until it is disposed of. Lost at the latest when its time to live has passed since the last renewal. */
export interface Lease extends Disposable {
  /** The store's own id. */
  readonly id: string;
  /**
   * Aborted when the lease may have expired: on our own monotonic clock, at two thirds of its time to live after the
   * last acknowledged renewal, so before anybody else can see its objects gone.
   */
  readonly lost: AbortSignal;
  /** Stops renewing and removes its objects at once. */
  revoke(): Promise<void>;
}

/** That this process leads, as long as the store says so. */
export interface Leadership {
  /** `controllers` */
  readonly election: string;
  /** Who leads: shown to people. */
  readonly identity: string;
  /** The store's revision at which the leader's key was created: unique to the term. */
  readonly term: bigint;
  /** Aborted when the leadership is or may be lost, in time for somebody else to lead. */
  readonly lost: AbortSignal;
  /** Gives it up at once. */
  resign(): Promise<void>;
}

/**
 * Objects with revisions, transactions, watches, leases and elections. Two implementations (etcd, memory) under one
 * contract suite.
 *
 * All calls: UnavailableError when the store does not answer in time; CancelledError, or the signal's reason if that is
 * a GilliamError, when the signal aborts. Neither says that nothing was written, but a transaction whose reply was lost
 * is looked for before UnavailableError is thrown: one that was applied is reported as applied, one that was refused as
 * refused.
 */
export interface Store {
  get<T extends StoredObject>(kind: Kind<T>, key: ObjectKey, signal?: AbortSignal): Promise<T | undefined>;

  /** Linearizable; throws CompactedError when `at` is no longer kept, or has never been. In key order. */
  list<T extends StoredObject>(
    kind: Kind<T>,
    options?: ListOptions,
    signal?: AbortSignal,
  ): Promise<ListResult<T>>;

  /**
   * All writes in one step, or none. At most 1,000 writes and guards together, and 1 MiB, else InvalidError. Returns the
   * revision that the objects have now. No key may be named by two writes.
   *
   * The first that does not hold is what is thrown: leaderships, guarded objects, then the writes in their order.
   */
  commit(writes: readonly Write[], guards?: readonly Guard[], signal?: AbortSignal): Promise<bigint>;

  /**
   * Every change after a revision, once, in order, until the signal aborts or the store is closed (then it ends). No
   * batch ends within a transaction. Batches without changes say how far the watch has come, over changes of other
   * kinds too. Throws CompactedError when changes may have been missed, or the consumer is too slow: list again.
   * UnavailableError is not thrown: a watch reconnects by itself and resumes where it was.
   */
  watch(options: WatchOptions, signal: AbortSignal): AsyncIterable<WatchBatch>;

  lease(ttlMs: number, signal?: AbortSignal): Promise<Lease>;

  /** Waits for leadership of the election, through outages of the store, until the signal aborts. */
  campaign(election: string, identity: string, ttlMs: number, signal: AbortSignal): Promise<Leadership>;

  /** Who leads; undefined while nobody does. */
  leader(election: string, signal?: AbortSignal): Promise<string | undefined>;

  /** Ends watches and renewals. Leases that were not revoked expire by themselves. */
  close(): Promise<void>;
}
