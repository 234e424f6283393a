import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Extract, Pack } from 'tar-stream';
import { extract, pack } from 'tar-stream';
import { CancelledError, ExhaustedError, GilliamError, InvalidError, messageOf } from '../base/errors';
import type { SourceTree } from './tree';
import { READ_FILES } from './tree';
import type { CheckedEntry, TreeLimits } from './tree-check';
import { TreeCheck } from './tree-check';

/** The blocks of zeros that end a tar archive. */
const END_BYTES = 1024;

/** The unit of tar archives. */
const BLOCK_BYTES = 512;

/** How much is read at a time. */
const CHUNK_BYTES = 256 * 1024;

/** Files up to this size are passed on in one piece: it takes a third of the time of a stream each. */
const SMALL_FILE_BYTES = 1024 ** 2;

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

/** A file that the builder adds to the build context. */
export interface ExtraFile {
  readonly path: string;
  readonly text: string;
}

/**
 * An uploaded source tree, checked and kept in a temporary file until disposed. It is written anew rather than kept as
 * it came, so that the engine unpacks exactly what was checked, and not what another reader makes of the same bytes.
 */
export class Spool {
  private constructor(
    readonly tree: SourceTree,
    readonly directory: string,
    readonly entryBytes: number,
  ) {}

  /** Throws InvalidError or ExhaustedError naming the entry that is refused. */
  static async read(tar: AsyncIterable<Uint8Array>, limits: TreeLimits, signal: AbortSignal): Promise<Spool> {
    const directory = await mkdtemp(join(tmpdir(), 'gilliam-build-'));
    try {
      const tree = await copyChecked(tar, join(directory, 'context.tar'), limits, signal);
      const { size } = await stat(join(directory, 'context.tar'));
      return new Spool(tree, directory, size - END_BYTES);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw refined(error, signal);
    }
  }

  /** The tree as a tar archive, without what `leftOut` says, and with files of the builder's own at its end. */
  context(extra: readonly ExtraFile[], leftOut?: (path: string) => boolean): Readable {
    return Readable.from(concatenated(this.#entries(leftOut), extra), { objectMode: false });
  }

  #entries(leftOut?: (path: string) => boolean): AsyncIterable<Buffer> {
    const file = join(this.directory, 'context.tar');
    if (leftOut) return filtered(file, leftOut);
    // The archive's end is cut off, for more to follow.
    return createReadStream(file, { end: Math.max(0, this.entryBytes - 1), highWaterMark: CHUNK_BYTES });
  }

  async dispose(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function* concatenated(
  entries: AsyncIterable<Buffer>,
  extra: readonly ExtraFile[],
): AsyncIterable<Buffer> {
  yield* entries;
  const own = pack();
  for (const { path, text } of extra) own.entry({ name: path, mode: 0o644, mtime: new Date(0) }, text);
  own.finalize();
  for await (const chunk of own) yield chunk as Buffer;
}

/** The bytes of the entries that are not left out. */
async function* filtered(file: string, leftOut: (path: string) => boolean): AsyncIterable<Buffer> {
  for (const { start, end } of await rangesOf(file, leftOut)) {
    for await (const chunk of createReadStream(file, { start, end: end - 1, highWaterMark: CHUNK_BYTES })) {
      yield chunk as Buffer;
    }
  }
}

async function rangesOf(
  file: string,
  leftOut: (path: string) => boolean,
): Promise<readonly { readonly start: number; readonly end: number }[]> {
  const ranges: { start: number; end: number }[] = [];
  let start = 0;
  for await (const entry of createReadStream(file).pipe(extract())) {
    const { name, size } = entry.header;
    const end = entry.offset + BLOCK_BYTES + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    const before = ranges.at(-1);
    if (!leftOut(name.replace(/\/$/, ''))) {
      if (before?.end === start) before.end = end;
      else ranges.push({ start, end });
    }
    start = end;
    entry.resume();
  }
  return ranges;
}

async function copyChecked(
  tar: AsyncIterable<Uint8Array>,
  file: string,
  limits: TreeLimits,
  signal: AbortSignal,
): Promise<SourceTree> {
  const check = new TreeCheck(limits);
  const texts = new Map<string, string>();
  const reader = extract();
  const writer = pack();
  const written = pipeline(writer, createWriteStream(file, { mode: 0o600 }), { signal });
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
    if (checked.type === 'file') writer.entry(headerOf(checked), content, done);
    else writer.entry(headerOf(checked), done);
  });
  return READ_FILES.has(checked.path) ? content.toString('utf8') : undefined;
}

function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function refined(error: unknown, signal: AbortSignal): Error {
  if (error instanceof GilliamError) return error;
  if (signal.aborted) return new CancelledError('the build was cancelled', { cause: signal.reason });
  if (isDiskFull(error)) {
    return new ExhaustedError(
      `the disk of the builder is full (${tmpdir()}): free space, then deploy again`,
      {
        cause: error,
      },
    );
  }
  return new InvalidError(
    `the tree is refused: the upload is not a sound tar archive: ${messageOf(error)}`,
    [],
    {
      cause: error,
    },
  );
}
