import { closeSync, openSync, readSync } from 'node:fs';
import { InvalidError, PreconditionError } from '../../../pkg/base/errors';
import { fileReason } from '../../../pkg/base/file-reason';
import { MAX_RELEASE_BYTES } from '../../../pkg/resource/bounds';
import { formatBytes } from '../../../pkg/resource/quantity';

export interface TextOptions {
  /** Default what a release may have in all: what people write becomes part of one. */
  readonly maxBytes?: number;
  /** What to do where the file is not as it must be. */
  readonly advice?: string;
}

/**
 * The text of a file that a person has named; `shown` is how. Also of a pipe, such as `<(command)` makes. Throws
 * PreconditionError for what cannot be read, InvalidError for what is no text of bounded size.
 */
export function readText(
  path: string,
  shown: string,
  { maxBytes = MAX_RELEASE_BYTES, advice }: TextOptions = {},
): string {
  let bytes: Buffer;
  try {
    bytes = readAtMost(path, maxBytes + 1);
  } catch (error) {
    const todo = advice === undefined ? '' : `: ${advice}`;
    throw new PreconditionError(`${shown} cannot be read: ${fileReason(error)}${todo}`, { cause: error });
  }
  if (bytes.length > maxBytes) {
    throw new InvalidError(
      `${shown} is over the limit of ${formatBytes(maxBytes)}: ${advice ?? 'keep large values in files of the source'}`,
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InvalidError(`${shown} is not text in UTF-8: ${advice ?? 'save it as such'}`, [], {
      cause: error,
    });
  }
}

/** So much of it, or all: whoever names a device by mistake does not wait for its end. */
function readAtMost(path: string, maxBytes: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.allocUnsafe(maxBytes);
    let length = 0;
    while (length < maxBytes) {
      const read = readSync(file, bytes, length, maxBytes - length, null);
      if (read === 0) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
