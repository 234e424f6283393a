import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Header } from 'tar-stream';
import { pack } from 'tar-stream';
import type { EntryKind, SourceTree } from './tree';
import { READ_FILES } from './tree';

/** A tree as detection sees it, of path → content. */
export function treeOf(files: Readonly<Record<string, string>>): SourceTree {
  const entries = new Map<string, EntryKind>();
  const texts = new Map<string, string>();
  for (const [path, content] of Object.entries(files)) {
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
      entries.set(path.slice(0, end), 'directory');
    }
    entries.set(path, 'file');
    if (READ_FILES.has(path)) texts.set(path, content);
  }
  return { entries, texts };
}

/** A tar archive of exactly these entries, however evil. */
export async function tarOf(
  entries: readonly (Partial<Header> & { readonly name: string; readonly content?: string | Buffer })[],
): Promise<Buffer> {
  const archive = pack();
  for (const { content, ...header } of entries) {
    if (content === undefined) archive.entry(header);
    else archive.entry(header, content);
  }
  archive.finalize();
  return buffer(archive);
}

/** A tar archive of path → content. */
export function tarOfFiles(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  return tarOf(Object.entries(files).map(([name, content]) => ({ name, content, mtime: new Date(0) })));
}

/** The files below a directory: path → content. */
export async function filesBelow(directory: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[path.slice(directory.length + 1)] = await readFile(path, 'utf8');
  }
  return files;
}

/** The archive as an upload of chunks. */
export async function* inChunks(archive: Uint8Array, chunkBytes = 64 * 1024): AsyncIterable<Uint8Array> {
  for (let start = 0; start < archive.length; start += chunkBytes) {
    yield archive.subarray(start, start + chunkBytes);
  }
}
