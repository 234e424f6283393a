import { type IRangeRequest, SortOrder, SortTarget } from 'etcd3';
import { backoffMs } from '../../base/backoff';
import { type Clock, sleep } from '../../base/clock';
import { UnavailableError } from '../../base/errors';
import type { Logger } from '../../base/log';
import type { Random } from '../../base/random';
import { abortError } from '../aborted';
import { FencedError } from '../errors';
import { endOfPrefix } from '../keys';
import { electionPrefix, Term } from '../term';
import type { EtcdClient } from './etcd-client';
import { EtcdLease } from './etcd-lease';
import type { StageKeys } from './etcd-txn';
import { watchRange } from './etcd-watch';

export interface ElectionContext {
  readonly client: EtcdClient;
  readonly keys: StageKeys;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Candidate {
  readonly path: string;
  readonly identity: string;
}

const backoff = { startMs: 100, capMs: 2000, jitter: 0.3 };
const maxQueuedEvents = 1000;
const revokeMs = 1000;

/** Waits until this candidate's key is the oldest of the election's. Goes on for ever when etcd is away. */
export async function campaign(
  context: ElectionContext,
  request: { readonly election: string; readonly identity: string; readonly ttlMs: number },
  signal: AbortSignal,
): Promise<Term> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      return await candidacy(context, request, signal);
    } catch (error) {
      if (signal.aborted) break;
      if (!(error instanceof UnavailableError || error instanceof FencedError)) throw error;
      context.log.debug('a candidacy has failed', { election: request.election, error: error.message });
    }
    await sleep(context.clock, backoffMs(backoff, attempt, context.random), signal).catch(() => {});
  }
  throw abortError(signal);
}

/** Who leads: the oldest candidate. */
export async function leading(
  { client, keys }: ElectionContext,
  election: string,
  signal?: AbortSignal,
): Promise<
  (Candidate & { readonly revision: bigint }) | { readonly path?: undefined; readonly revision: bigint }
> {
  const prefix = electionPrefix(election);
  const request: IRangeRequest = {
    key: keys.key(prefix),
    range_end: keys.key(endOfPrefix(prefix)),
    sort_target: SortTarget.Create,
    sort_order: SortOrder.Ascend,
    limit: 1,
  };
  const { kvs, header } = await client.call((etcd, options) => etcd.kv.range(request, options), {
    signal,
    repeatable: true,
  });
  const revision = BigInt(header.revision);
  const first = kvs[0];
  return first ? { path: keys.path(first.key), identity: first.value.toString(), revision } : { revision };
}

async function candidacy(
  context: ElectionContext,
  { election, identity, ttlMs }: { election: string; identity: string; ttlMs: number },
  signal: AbortSignal,
): Promise<Term> {
  const { client, keys, clock } = context;
  const lease = await EtcdLease.grant(client, clock, ttlMs, signal);
  const ended = AbortSignal.any([signal, lease.lost]);
  try {
    const path = `${electionPrefix(election)}${BigInt(lease.id).toString(16).padStart(16, '0')}`;
    const success = [keys.write({ path, bytes: Buffer.from(identity), lease: lease.id })];
    const { header } = await client.call((etcd, options) => etcd.kv.txn({ success }, options), {
      signal: ended,
    });
    await elected(context, election, path, ended);
    return new Term(election, identity, BigInt(header.revision), path, lease);
  } catch (error) {
    const lost = lease.lost.aborted;
    // Best effort, and not for long: what stays is gone when the lease expires, and until then nobody behind it leads.
    await Promise.race([lease.revoke().catch(() => {}), sleep(clock, revokeMs)]);
    if (lost && !signal.aborted) throw new FencedError('the lease was lost while waiting', { cause: error });
    throw error;
  }
}

async function elected(
  context: ElectionContext,
  election: string,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; ;) {
    try {
      const first = await leading(context, election, signal);
      if (first.path === path) return;
      if (first.path === undefined) throw new FencedError('the candidate is gone');
      await gone(context, election, first.revision, signal);
      failures = 0;
    } catch (error) {
      if (!(error instanceof UnavailableError) || signal.aborted) throw error;
      await sleep(context.clock, backoffMs(backoff, failures++, context.random), signal);
    }
  }
}

/** Waits until a candidate's key is deleted. */
async function gone(
  context: ElectionContext,
  election: string,
  after: bigint,
  signal: AbortSignal,
): Promise<void> {
  const { keys } = context;
  const prefix = electionPrefix(election);
  const range = {
    start: keys.key(prefix),
    end: keys.key(endOfPrefix(prefix)),
    after,
    maxQueued: maxQueuedEvents,
  };
  const batches = watchRange({ ...context, ...range }, signal);
  for await (const { events } of batches) if (events.some((event) => isDelete(event.type))) return;
  throw abortError(signal);
}

/** etcd3 declares `Delete`, and gives `DELETE`. */
export function isDelete(type: string): boolean {
  return type.toUpperCase() === 'DELETE';
}
