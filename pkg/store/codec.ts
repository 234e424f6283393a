import { InternalError, messageOf } from '../base/errors';
import type { Kind, StoredObject } from '../resource/objects';

/** The bytes that are kept. The revision is not among them: the store itself knows it. */
export function encodeObject<T extends StoredObject>(kind: Kind<T>, object: T): Uint8Array {
  return kind.encode({ ...object, metadata: { ...object.metadata, revision: 0n } });
}

/** The object as of the revision at which these bytes were written. */
export function decodeObject<T extends StoredObject>(
  kind: Kind<T>,
  path: string,
  bytes: Uint8Array,
  revision: bigint,
): T {
  try {
    const object = kind.decode(bytes);
    return { ...object, metadata: { ...object.metadata, revision } };
  } catch (error) {
    throw new InternalError(`what is stored at ${path} is no ${kind.name}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
