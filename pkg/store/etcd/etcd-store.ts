import type { IEvent } from 'etcd3';
import type { Clock } from '../../base/clock';
import type { Logger } from '../../base/log';
import type { Random } from '../../base/random';
import type { Kind, StoredObject } from '../../resource/objects';
import { decodeObject } from '../codec';
import { byPlural, endOfPrefix, parsePath, pathOf, rangeOf } from '../keys';
import type {
  Change,
  Guard,
  Leadership,
  Lease,
  ListOptions,
  ListResult,
  ObjectKey,
  Store,
  WatchBatch,
  WatchOptions,
  Write,
} from '../store';
import { prepare } from '../transaction';
import { checkDataVersion } from './data-version';
import { EtcdClient } from './etcd-client';
import { commit } from './etcd-commit';
import { campaign, type ElectionContext, isDelete, leading } from './etcd-election';
import { EtcdLease } from './etcd-lease';
import { StageKeys } from './etcd-txn';
import { watchRange } from './etcd-watch';

export interface EtcdStoreOptions {
  /** `HOST:PORT`, or `unix:/PATH` for a socket; one or several. */
  readonly endpoints: readonly string[];
  readonly stage: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How long one call may take. Default 3000. */
  readonly callTimeoutMs?: number;
  /** How many changes may wait for a slow consumer of a watch before it has to list again. Default 20,000. */
  readonly maxQueuedChanges?: number;
}

const defaultMaxQueuedChanges = 20_000;

/** The store over etcd. How it keeps its promises over etcd3 and a network: docs/decisions/store.md. */
export class EtcdStore implements Store {
  readonly #client: EtcdClient;
  readonly #keys: StageKeys;
  readonly #context: ElectionContext;
  readonly #maxQueued: number;

  private constructor(client: EtcdClient, options: EtcdStoreOptions) {
    const { clock, random, log } = options;
    this.#client = client;
    this.#keys = new StageKeys(options.stage);
    this.#context = { client, keys: this.#keys, clock, random, log };
    this.#maxQueued = options.maxQueuedChanges ?? defaultMaxQueuedChanges;
  }

  /**
   * UnavailableError when etcd does not answer; PreconditionError when the stage's data are of another version than
   * this program's. A new stage is marked with that version.
   */
  static async open(options: EtcdStoreOptions): Promise<EtcdStore> {
    const client = new EtcdClient(options);
    try {
      await checkDataVersion(client, new StageKeys(options.stage), options.stage);
      return new EtcdStore(client, options);
    } catch (error) {
      client.close();
      throw error;
    }
  }

  async get<T extends StoredObject>(
    kind: Kind<T>,
    key: ObjectKey,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    const path = pathOf(kind, key);
    const request = { key: this.#keys.key(path) };
    const { kvs } = await this.#client.call((etcd, options) => etcd.kv.range(request, options), {
      signal,
      repeatable: true,
    });
    const kv = kvs[0];
    return kv && decodeObject(kind, path, kv.value, BigInt(kv.mod_revision));
  }

  async list<T extends StoredObject>(
    kind: Kind<T>,
    options: ListOptions = {},
    signal?: AbortSignal,
  ): Promise<ListResult<T>> {
    const { start, end } = rangeOf(kind, options);
    const request = {
      key: this.#keys.key(start),
      range_end: this.#keys.key(end),
      revision: (options.at ?? 0n).toString(),
      limit: options.limit ?? 0,
    };
    const { kvs, header, more } = await this.#client.call(
      (etcd, callOptions) => etcd.kv.range(request, callOptions),
      { signal, repeatable: true },
    );
    return {
      items: kvs.map((kv) => decodeObject(kind, this.#keys.path(kv.key), kv.value, BigInt(kv.mod_revision))),
      revision: options.at ?? BigInt(header.revision),
      more,
    };
  }

  async commit(
    writes: readonly Write[],
    guards: readonly Guard[] = [],
    signal?: AbortSignal,
  ): Promise<bigint> {
    return commit(this.#context, prepare(writes, guards), signal);
  }

  async *watch(options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    const ended = AbortSignal.any([signal, this.#client.closed]);
    const range = { start: this.#keys.key(''), end: Buffer.from(endOfPrefix(this.#keys.prefix)) };
    const raw = { ...this.#context, ...range, after: options.after, maxQueued: this.#maxQueued };
    const kinds = byPlural(options.kinds);
    for await (const { events, revision } of watchRange(raw, ended))
      yield { changes: events.flatMap((event) => this.#changeOf(event, kinds, options.formation)), revision };
  }

  async lease(ttlMs: number, signal?: AbortSignal): Promise<Lease> {
    return EtcdLease.grant(this.#client, this.#context.clock, ttlMs, signal);
  }

  async campaign(
    election: string,
    identity: string,
    ttlMs: number,
    signal: AbortSignal,
  ): Promise<Leadership> {
    const ended = AbortSignal.any([signal, this.#client.closed]);
    return campaign(this.#context, { election, identity, ttlMs }, ended);
  }

  async leader(election: string, signal?: AbortSignal): Promise<string | undefined> {
    const first = await leading(this.#context, election, signal);
    return first.path === undefined ? undefined : first.identity;
  }

  /** Ends watches and renewals. Leases that were not revoked expire by themselves. */
  async close(): Promise<void> {
    this.#client.close();
  }

  #changeOf(
    event: IEvent,
    kinds: ReadonlyMap<string, Kind<StoredObject>>,
    formation: string | undefined,
  ): readonly Change[] {
    const path = this.#keys.path(event.kv.key);
    const parsed = parsePath(path);
    const kind = parsed && kinds.get(parsed.plural);
    if (!kind || (formation !== undefined && parsed.key.formation !== formation)) return [];
    if (isDelete(event.type)) return [{ kind, key: parsed.key }];
    const object = decodeObject(kind, path, event.kv.value, BigInt(event.kv.mod_revision));
    return [{ kind, key: parsed.key, object }];
  }
}
