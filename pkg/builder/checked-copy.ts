import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Extract, Pack } from 'tar-stream';
import { extract, pack } from 'tar-stream';
import { ExhaustedError, GilliamError } from '../base/errors';
import type { SourceTree } from './tree';
import { READ_FILES } from './tree';
import type { CheckedEntry, TreeLimits } from './tree-check';
import { TreeCheck } from './tree-check';

/** Files up to this size are passed on in one piece: it takes less time than a stream each. */
const SMALL_FILE_BYTES = 1024 ** 2;

/** How much is written at a time. */
const WRITE_BYTES = 256 * 1024;

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

/**
 * Writes the entries of an uploaded archive that pass the check to a new one, and says what the tree is made of. Throws
 * what is wrong with an entry, with the upload or with the disk.
 */
export async function copyChecked(
  tar: AsyncIterable<Uint8Array>,
  file: FileHandle,
  limits: TreeLimits,
  signal: AbortSignal,
): Promise<SourceTree> {
  const check = new TreeCheck(limits);
  const texts = new Map<string, string>();
  const reader = extract();
  const writer = pack();
  const written = write(writer, file);
  const fed = pipeline(counted(abortable(tar, signal), limits.maxBytes), reader, { signal });
  // Both are awaited below; until then a failure shows in the loop as well.
  written.catch(() => reader.destroy());
  fed.catch(() => {});
  try {
    for await (const entry of reader) {
      const checked = check.admit(entry.header);
      const text = checked && (await copy(entry, checked, writer));
      if (checked && text !== undefined) texts.set(checked.path, text);
      if (!checked) entry.resume();
    }
    await fed;
    check.finish();
    writer.finalize();
    await written;
  } catch (error) {
    writer.destroy();
    // What failed first is told: the loop's own failure, unless it only follows that of the upload or of the disk.
    const [upload, disk] = await Promise.allSettled([fed, written]);
    if (error instanceof GilliamError) throw error;
    if (upload.status === 'rejected' && upload.reason instanceof GilliamError) throw upload.reason;
    if (disk.status === 'rejected' && isDiskFull(disk.reason)) throw disk.reason;
    throw error;
  }
  return { entries: check.entries, texts };
}

/** Writes in large pieces: an archive of small files is three chunks a file. */
async function write(chunks: AsyncIterable<unknown>, file: FileHandle): Promise<void> {
  let pending: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    pending.push(chunk);
    bytes += chunk.length;
    if (bytes < WRITE_BYTES) continue;
    await file.writeFile(Buffer.concat(pending));
    pending = [];
    bytes = 0;
  }
  await file.writeFile(Buffer.concat(pending));
}

/** Ends with the signal even when the source does not. */
async function* abortable(source: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  aborted.catch(() => {});
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    iterator.return?.().catch(() => {});
  }
}

async function* counted(tar: AsyncIterable<Uint8Array>, maxBytes: number): AsyncIterable<Uint8Array> {
  let bytes = 0;
  for await (const chunk of tar) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new ExhaustedError(
        `the tree is refused: it has more than ${maxBytes / 1024 ** 2} MiB: take out what is not source`,
      );
    }
    yield chunk;
  }
}

function headerOf(entry: CheckedEntry) {
  return {
    name: entry.type === 'directory' ? `${entry.path}/` : entry.path,
    type: entry.type,
    linkname: entry.target,
    mode: entry.mode,
    size: entry.sizeBytes,
    mtime: entry.modified,
  };
}

/** Resolves once the writer wants more; to the entry's text if it is one that detection reads. */
async function copy(entry: Entry, checked: CheckedEntry, writer: Pack): Promise<string | undefined> {
  if (checked.sizeBytes > SMALL_FILE_BYTES) {
    await pipeline(entry, writer.entry(headerOf(checked)));
    return undefined;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  const content = Buffer.concat(chunks);
  await new Promise<void>((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve());
    const header = headerOf(checked);
    const sink = checked.type === 'file' ? writer.entry(header, content, done) : writer.entry(header, done);
    // Emitted as well as passed to the callback; without a listener it would end the process.
    sink.on('error', reject);
  });
  return READ_FILES.has(checked.path) ? content.toString('utf8') : undefined;
}

/** Whether a write failed for want of space. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
