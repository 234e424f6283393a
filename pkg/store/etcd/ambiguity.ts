import { backoffMs } from '../../base/backoff';
import { type Clock, deadline, sleep } from '../../base/clock';
import { CompactedError, UnavailableError } from '../../base/errors';
import { throwIfAborted } from '../aborted';
import { type Effect, refusalOf, type Transaction } from '../transaction';
import type { EtcdClient } from './etcd-client';
import { type Found, readsOf, type StageKeys } from './etcd-txn';

interface Context {
  readonly client: EtcdClient;
  readonly keys: StageKeys;
  readonly clock: Clock;
}

/** How long to look for what became of a transaction. */
const lookMs = 2000;
const backoff = { startMs: 50, capMs: 500 };
/** How often to look at what does not show it: etcd may be at it still. */
const maxLooks = 3;
/** How many later writes of one key to go back over. */
const maxSteps = 16;

/**
 * A transaction's answer was lost. It may have been applied, it may have been refused, and it may still be on its
 * way; to send it again would be wrong in the first case. So: read what is there.
 *
 * Each effect says after which revision of its key it comes. So the first version after that one is ours, or it is
 * somebody else's, and then ours was refused. Returns the revision at which it was applied, throws why it was refused,
 * or throws `cause` when that cannot be known.
 */
export async function resolve(
  context: Context,
  transaction: Transaction,
  cause: UnavailableError,
  signal?: AbortSignal,
): Promise<bigint> {
  const limit = deadline(context.clock, lookMs, signal);
  let looks = 0;
  try {
    for (let attempt = 0; looks < maxLooks && !limit.signal.aborted; attempt++) {
      try {
        const applied = await look(context, transaction, limit.signal);
        if (applied !== undefined) return applied;
        looks++;
      } catch (error) {
        throwIfAborted(signal);
        if (error instanceof CompactedError || limit.signal.aborted) break;
        if (!(error instanceof UnavailableError)) throw error;
      }
      await sleep(context.clock, backoffMs(backoff, attempt), limit.signal).catch(() => {});
    }
    throwIfAborted(signal);
    throw cause;
  } finally {
    limit.dispose();
  }
}

/** The revision at which the transaction was applied; undefined when that cannot be told. Throws why it was refused. */
async function look(
  context: Context,
  transaction: Transaction,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  const { effects, conditions } = transaction;
  const paths = [...new Set([...effects, ...conditions].map(({ path }) => path))];
  const { found, revision } = await read(context, paths, undefined, signal);
  const refusal = refusalOf(transaction, (path) => found.get(path));
  // Everything is still as the transaction wants it: it was not applied, but may yet be.
  if (!refusal) return undefined;
  if (effects.length === 0 || effects.some((effect) => isUntouched(effect, found.get(effect.path))))
    throw refusal;

  const puts = effects.filter((effect) => effect.bytes);
  // Only deletions, and all is gone: who did it makes no difference.
  if (puts.length === 0) return areThere(effects, found, revision) ? revision : undefined;
  const witness = puts.find((effect) => found.has(effect.path));
  // What was to be written is not there, which it would not be either if it had been deleted since.
  if (!witness) return undefined;

  const applied = await firstAfter(context, witness, found.get(witness.path) as Found, signal);
  if (applied === undefined) return undefined;
  const effectPaths = effects.map(({ path }) => path);
  const then = await read(context, effectPaths, applied, signal);
  if (areThere(effects, then.found, applied)) return applied;
  throw refusal;
}

/** Whether what is there shows that the effect has not taken place. */
function isUntouched({ bytes, before }: Effect, found: Found | undefined): boolean {
  if (!found || before === 0n) return false;
  return found.revision === before || (!bytes && found.created <= before);
}

/** The revision of the first version of the path after the effect's `before`; undefined when it is too far back. */
async function firstAfter(
  context: Context,
  { path, before }: Effect,
  now: Found,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  if (before === 0n) return now.created;
  let version = now;
  for (let step = 0; step < maxSteps; step++) {
    // The object was deleted and made again since: the first change was the deletion.
    if (version.created > before) return version.created;
    const { found } = await read(context, [path], version.revision - 1n, signal);
    const previous = found.get(path);
    if (!previous || previous.revision <= before) return version.revision;
    version = previous;
  }
  return undefined;
}

/** Whether, as of the revision, each effect shows, and was made at exactly this revision. */
function areThere(effects: readonly Effect[], found: ReadonlyMap<string, Found>, revision: bigint): boolean {
  return effects.every(({ path, bytes }) => {
    const there = found.get(path);
    if (!bytes) return !there;
    return there?.revision === revision && there.bytes.equals(bytes);
  });
}

async function read(
  { client, keys }: Context,
  paths: readonly string[],
  at: bigint | undefined,
  signal: AbortSignal,
): Promise<{ found: Map<string, Found>; revision: bigint }> {
  const success = paths.map((path) => keys.read(path, at));
  const response = await client.call((etcd, options) => etcd.kv.txn({ success }, options), {
    signal,
    timeoutMs: lookMs / 2,
    repeatable: true,
  });
  return { found: readsOf(paths, response), revision: BigInt(response.header.revision) };
}
