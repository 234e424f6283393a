import {
  CompareResult,
  CompareTarget,
  type ICompare,
  type IKeyValue,
  type IRequestOp,
  type ITxnResponse,
} from 'etcd3';
import type { Condition, Effect } from '../transaction';

/** How paths below a stage are etcd's keys, and the requests made of them. */
export class StageKeys {
  /** All keys of the stage start with this. */
  readonly prefix: string;

  constructor(stage: string) {
    this.prefix = `/gilliam/${stage}/`;
  }

  key(path: string): Buffer {
    return Buffer.from(this.prefix + path);
  }

  path(key: Buffer): string {
    return key.toString().slice(this.prefix.length);
  }

  compare(condition: Pick<Condition, 'on' | 'path' | 'revision'>): ICompare {
    const key = this.key(condition.path);
    const revision = condition.revision.toString();
    return condition.on === 'modified'
      ? { key, result: CompareResult.Equal, target: CompareTarget.Mod, mod_revision: revision }
      : { key, result: CompareResult.Equal, target: CompareTarget.Create, create_revision: revision };
  }

  write({ path, bytes, lease }: Pick<Effect, 'path' | 'bytes' | 'lease'>): IRequestOp {
    const key = this.key(path);
    if (!bytes) return { request_delete_range: { key } };
    return { request_put: { key, value: Buffer.from(bytes), lease: lease ?? '0' } };
  }

  read(path: string, at?: bigint): IRequestOp {
    return { request_range: { key: this.key(path), revision: at?.toString() ?? '0' } };
  }

  readRevision(path: string): IRequestOp {
    return { request_range: { key: this.key(path), keys_only: true } };
  }
}

/** What one path held. */
export interface Found {
  readonly revision: bigint;
  readonly created: bigint;
  readonly bytes: Buffer;
}

export function foundOf(kv: IKeyValue): Found {
  return { revision: BigInt(kv.mod_revision), created: BigInt(kv.create_revision), bytes: kv.value };
}

/** The answers to reads of single paths, in their order; absent paths are missing. */
export function readsOf(paths: readonly string[], response: ITxnResponse): Map<string, Found> {
  const found = new Map<string, Found>();
  paths.forEach((path, index) => {
    const kv = response.responses[index]?.response_range?.kvs[0];
    if (kv) found.set(path, foundOf(kv));
  });
  return found;
}
