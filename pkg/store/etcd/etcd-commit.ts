import type { Clock } from '../../base/clock';
import { InternalError, UnavailableError } from '../../base/errors';
import { refusalOf, type Transaction } from '../transaction';
import { resolve } from './ambiguity';
import type { EtcdClient } from './etcd-client';
import { UnreachedError } from './etcd-errors';
import { readsOf, type StageKeys } from './etcd-txn';

/** Carries the transaction out, once, or throws why not. When the answer is lost, looks at what happened. */
export async function commit(
  context: { readonly client: EtcdClient; readonly keys: StageKeys; readonly clock: Clock },
  transaction: Transaction,
  signal?: AbortSignal,
): Promise<bigint> {
  const { client, keys } = context;
  const read = [...new Set(transaction.conditions.map((condition) => condition.path))];
  const request = {
    compare: transaction.conditions.map((condition) => keys.compare(condition)),
    success: transaction.effects.map((effect) => keys.write(effect)),
    // What the compares saw, so that the refusal can say it.
    failure: read.map((path) => keys.readRevision(path)),
  };
  try {
    const response = await client.call((etcd, options) => etcd.kv.txn(request, options), { signal });
    if (response.succeeded) return BigInt(response.header.revision);
    const seen = readsOf(read, response);
    throw refusalOf(transaction, (path) => seen.get(path)) ?? new InternalError('etcd refused, and all held');
  } catch (error) {
    if (!(error instanceof UnavailableError) || error instanceof UnreachedError) throw error;
    return resolve(context, transaction, error, signal);
  }
}
