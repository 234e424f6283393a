import { InvalidError } from '../base/errors';
import { quote } from '../resource/names';

const MAX_NAME_BYTES = 1024;
const MAX_DEPTH = 64;

/**
 * The path of a tar entry below the tree's root, without `./`, doubled or trailing slashes; `''` for the root itself.
 * Throws InvalidError for a name that leaves the tree, or that two programs might read differently.
 */
export function entryPath(name: string): string {
  const refuse = (why: string) => new InvalidError(`the tree is refused: entry ${quote(name)} ${why}`);
  if (name === '') throw refuse('has no name');
  if (name.includes('\0')) throw refuse('has a NUL character in its name');
  if (name.includes('\uFFFD')) throw refuse('has a name that is not UTF-8');
  if (name.startsWith('/')) throw refuse('has an absolute name');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refuse('has .. in its name');
  if (Buffer.byteLength(name) > MAX_NAME_BYTES)
    throw refuse(`has a name of more than ${MAX_NAME_BYTES} bytes`);
  if (parts.length > MAX_DEPTH) throw refuse(`is more than ${MAX_DEPTH} directories deep`);
  return parts.join('/');
}
