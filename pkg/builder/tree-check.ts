import type { Header } from 'tar-stream';
import { ExhaustedError, InvalidError } from '../base/errors';
import { quote } from '../resource/names';
import { entryPath } from './entry-name';
import { escapes } from './symlinks';
import type { EntryKind } from './tree';
import { READ_FILES } from './tree';

export interface TreeLimits {
  /** The whole archive. */
  readonly maxBytes: number;
  readonly maxFileBytes: number;
  readonly maxEntries: number;
}

export const DEFAULT_TREE_LIMITS: TreeLimits = {
  maxBytes: 512 * 1024 ** 2,
  maxFileBytes: 256 * 1024 ** 2,
  maxEntries: 100_000,
};

/** Files that detection reads are short; one that is not is something else. */
const MAX_READ_FILE_BYTES = 1024 ** 2;

/** An entry that passed, as it is written to the build context. */
export interface CheckedEntry {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'link';
  /** The target of a symlink; the path of the file that a hard link is to. */
  readonly target?: string;
  readonly mode: number;
  readonly sizeBytes: number;
  /** Kept: servers of files tell by it whether one has changed. */
  readonly modified: Date;
}

/**
 * Lets through the entries of one archive that stay inside the tree and mean the same to everybody who unpacks them:
 * no name twice, nothing below a file or a link, no devices. Throws InvalidError or ExhaustedError naming the entry.
 */
export class TreeCheck {
  readonly #entries = new Map<string, EntryKind>();
  readonly #links = new Map<string, string>();
  #count = 0;

  constructor(readonly limits: TreeLimits) {}

  get entries(): ReadonlyMap<string, EntryKind> {
    return this.#entries;
  }

  /** The entry as it may be kept; undefined for the root and for directories seen before. */
  admit(header: Header): CheckedEntry | undefined {
    if (++this.#count > this.limits.maxEntries) {
      throw new ExhaustedError(
        `the tree is refused: it has more than ${this.limits.maxEntries} entries: take out what is not source`,
      );
    }
    const path = entryPath(header.name);
    const type = this.#typeOf(header);
    if (path === '' && type === 'directory') return undefined;
    if (path === '') throw refusal(header.name, 'is the root of the tree, but not a directory');
    const sizeBytes = type === 'file' ? header.size : 0;
    this.#checkSize(path, sizeBytes);
    this.#addParents(path);
    const known = this.#entries.get(path);
    if (known === 'directory' && type === 'directory') return undefined;
    if (known !== undefined) throw refusal(path, 'is there twice');
    const target = this.#targetOf(path, type, header.linkname ?? '');
    this.#entries.set(path, type === 'link' ? 'file' : type);
    return { path, type, target, mode: header.mode & 0o777, sizeBytes, modified: header.mtime };
  }

  /** After the last entry: links are judged by the whole tree. */
  finish(): void {
    for (const path of this.#links.keys()) {
      if (escapes(path, this.#links)) {
        throw refusal(path, `is a symbolic link out of the tree, to ${quote(this.#links.get(path) ?? '')}`);
      }
    }
  }

  #typeOf(header: Header): CheckedEntry['type'] {
    switch (header.type) {
      case 'file':
      case 'contiguous-file':
        return header.name.endsWith('/') ? 'directory' : 'file';
      case 'directory':
      case 'symlink':
      case 'link':
        return header.type;
      case 'character-device':
      case 'block-device':
        throw refusal(header.name, 'is a device file');
      case 'fifo':
        throw refusal(header.name, 'is a named pipe');
      default:
        throw refusal(header.name, 'is neither a file, a directory nor a link');
    }
  }

  #checkSize(path: string, sizeBytes: number): void {
    if (sizeBytes > this.limits.maxFileBytes) {
      throw new ExhaustedError(
        `the tree is refused: file ${quote(path)} has ${mebibytes(sizeBytes)}: at most ${mebibytes(this.limits.maxFileBytes)} are allowed`,
      );
    }
    if (READ_FILES.has(path) && sizeBytes > MAX_READ_FILE_BYTES) {
      throw new ExhaustedError(
        `the tree is refused: ${path} has ${mebibytes(sizeBytes)}: at most ${mebibytes(MAX_READ_FILE_BYTES)} are allowed`,
      );
    }
  }

  #addParents(path: string): void {
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
      const parent = path.slice(0, end);
      const known = this.#entries.get(parent);
      if (known === undefined) this.#entries.set(parent, 'directory');
      else if (known !== 'directory') throw refusal(path, `lies below ${quote(parent)}, which is a ${known}`);
    }
  }

  #targetOf(path: string, type: CheckedEntry['type'], target: string): string | undefined {
    if (type === 'symlink') {
      if (target === '' || target.includes('\0') || target.includes('\uFFFD')) {
        throw refusal(path, 'is a symbolic link without a sound target');
      }
      if (READ_FILES.has(path))
        throw refusal(path, 'is a symbolic link: the builder reads it as a file only');
      if (target.startsWith('/'))
        throw refusal(path, `is a symbolic link out of the tree, to ${quote(target)}`);
      this.#links.set(path, target);
      return target;
    }
    if (type !== 'link') return undefined;
    const source = entryPath(target);
    if (this.#entries.get(source) !== 'file') {
      throw refusal(path, `is a hard link to ${quote(target)}, which is no file of the tree before it`);
    }
    return source;
  }
}

function refusal(name: string, why: string): InvalidError {
  return new InvalidError(`the tree is refused: entry ${quote(name)} ${why}`);
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}
