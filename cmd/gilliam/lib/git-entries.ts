import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { READ_FILES, type EntryKind, type SourceTree } from '../../../pkg/builder/tree';
import { MANIFEST_FILE } from '../../../pkg/manifest/file-name';
import { appFileName } from './app-file';

/** A file of a commit. */
export interface Entry {
  readonly mode: string;
  readonly id: string;
  /** From the repository's root. */
  readonly path: string;
}

/** What is told by the directory, and not built of. */
export function isApart(path: string): boolean {
  return path === MANIFEST_FILE || path === appFileName;
}

/** SHA-256 of what is built of, in hexadecimal. */
export function hashOf(entries: readonly Entry[]): string {
  const hash = createHash('sha256');
  for (const { mode, id, path } of entries) if (!isApart(path)) hash.update(`${mode} ${id} ${path}\0`);
  return hash.digest('hex');
}

/** What the builder's detection wants to know of a tree. */
export function treeOf(own: readonly Entry[], texts: ReadonlyMap<string, string>): SourceTree {
  const entries = new Map<string, EntryKind>();
  const read = new Map<string, string>();
  for (const { path, mode, id } of own) {
    for (let at = dirname(path); at !== '.' && !entries.has(at); at = dirname(at))
      entries.set(at, 'directory');
    entries.set(path, mode === '120000' ? 'symlink' : mode === '160000' ? 'directory' : 'file');
    const text = READ_FILES.has(path) ? texts.get(id) : undefined;
    if (text !== undefined) read.set(path, text);
  }
  return { entries, texts: read };
}

/** What `git ls-tree -rz` prints. */
export function parseTree(listed: string): Entry[] {
  return listed.split('\0').flatMap((line) => {
    const [, mode, id, path] = /^(\d+) \w+ ([0-9a-f]+)\t(.*)$/s.exec(line) ?? [];
    return mode === undefined || id === undefined || path === undefined ? [] : [{ mode, id, path }];
  });
}

/** What `git cat-file --batch` prints: `<id> blob <bytes>`, a line end, the bytes, a line end; and so on. */
export function parseBatch(output: Buffer): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (let at = 0; at < output.length;) {
    const end = output.indexOf(0x0a, at);
    if (end < 0) break;
    const [id = '', , size] = output.subarray(at, end).toString('utf8').split(' ');
    const bytes = Number(size);
    if (!Number.isInteger(bytes)) {
      at = end + 1;
      continue;
    }
    texts.set(id, output.subarray(end + 1, end + 1 + bytes).toString('utf8'));
    at = end + 1 + bytes + 1;
  }
  return texts;
}
