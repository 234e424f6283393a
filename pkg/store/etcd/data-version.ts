import { InternalError, PreconditionError } from '../../base/errors';
import { dataVersion } from '../data-version';
import type { EtcdClient } from './etcd-client';
import type { StageKeys } from './etcd-txn';

const path = 'meta/data-version';

/** Marks a new stage with the version; throws PreconditionError when the stage has another one. */
export async function checkDataVersion(client: EtcdClient, keys: StageKeys, stage: string): Promise<void> {
  const request = {
    compare: [keys.compare({ on: 'modified', path, revision: 0n })],
    success: [keys.write({ path, bytes: Buffer.from(String(dataVersion)) })],
    failure: [keys.read(path)],
  };
  const { succeeded, responses } = await client.call((etcd, options) => etcd.kv.txn(request, options));
  if (succeeded) return;
  const value = responses[0]?.response_range.kvs[0]?.value.toString();
  if (value === undefined) throw new InternalError(`${keys.prefix}${path} is there, and is not`);
  if (value === String(dataVersion)) return;
  const found = /^\d+$/.test(value) ? Number(value) : undefined;
  if (found === undefined)
    throw new PreconditionError(
      `stage "${stage}": "${value}" at ${keys.prefix}${path} is no data version: restore etcd from a backup`,
    );
  if (found > dataVersion)
    throw new PreconditionError(
      `stage "${stage}" has data of version ${found}, this Gilliam knows ${dataVersion}: install the newer Gilliam that wrote them`,
    );
  throw new PreconditionError(
    `stage "${stage}" has data of version ${found}, this Gilliam needs ${dataVersion}: run the older Gilliam that wrote them, or forget the stage's data and start anew`,
  );
}
