import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, pack } from 'tar-stream';
import { CancelledError, ExhaustedError, GilliamError, InvalidError, messageOf } from '../base/errors';
import { copyChecked, isDiskFull } from './checked-copy';
import type { SourceTree } from './tree';
import type { TreeLimits } from './tree-check';
import { openUnnamed } from './unnamed-file';

/** The blocks of zeros that end a tar archive. */
const END_BYTES = 1024;

/** The unit of tar archives. */
const BLOCK_BYTES = 512;

/** How much is read at a time. */
const CHUNK_BYTES = 256 * 1024;

export interface SpoolOptions {
  readonly limits: TreeLimits;
  /** Where the temporary files go. */
  readonly directory: string;
}

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
    private readonly file: FileHandle,
    private readonly entryBytes: number,
  ) {}

  /** Throws InvalidError or ExhaustedError naming the entry that is refused. */
  static async read(
    tar: AsyncIterable<Uint8Array>,
    options: SpoolOptions,
    signal: AbortSignal,
  ): Promise<Spool> {
    let file: FileHandle | undefined;
    try {
      file = await openUnnamed(options.directory);
      const tree = await copyChecked(tar, file, options.limits, signal);
      const { size } = await file.stat();
      return new Spool(tree, file, size - END_BYTES);
    } catch (error) {
      await file?.close();
      throw refined(error, options.directory, signal);
    }
  }

  /** The tree as a tar archive, without what `leftOut` says, and with files of the builder's own at its end. */
  context(extra: readonly ExtraFile[], leftOut?: (path: string) => boolean): Readable {
    return Readable.from(this.#context(extra, leftOut), { objectMode: false });
  }

  async *#context(extra: readonly ExtraFile[], leftOut?: (path: string) => boolean): AsyncIterable<Buffer> {
    // The archive's end is cut off, for more to follow.
    const ranges = leftOut ? await rangesOf(this.file, leftOut) : [{ start: 0, end: this.entryBytes }];
    for (const { start, end } of ranges) {
      yield* read(this.file, start, end);
    }
    const own = pack();
    for (const { path, text } of extra) own.entry({ name: path, mode: 0o644, mtime: new Date(0) }, text);
    own.finalize();
    yield* own as AsyncIterable<Buffer>;
  }

  async dispose(): Promise<void> {
    await this.file.close();
  }
}

async function* read(file: FileHandle, start: number, end: number): AsyncIterable<Buffer> {
  for (let at = start; at < end;) {
    const length = Math.min(CHUNK_BYTES, end - at);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** Where in the archive the entries are that are not left out. */
async function rangesOf(
  file: FileHandle,
  leftOut: (path: string) => boolean,
): Promise<readonly { readonly start: number; readonly end: number }[]> {
  const ranges: { start: number; end: number }[] = [];
  let start = 0;
  const reader = extract();
  const fed = pipeline(read(file, 0, Infinity), reader);
  fed.catch(() => {});
  for await (const entry of reader) {
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
  await fed;
  return ranges;
}

/** What stopped the reading, for whoever sent the tree. */
function refined(error: unknown, directory: string, signal: AbortSignal): Error {
  if (error instanceof GilliamError) return error;
  if (signal.aborted) return new CancelledError('the build was cancelled', { cause: signal.reason });
  if (isDiskFull(error)) {
    const message = `the disk of the builder is full (${directory}): free space, then deploy again`;
    return new ExhaustedError(message, { cause: error });
  }
  const message = `the tree is refused: the upload is not a sound tar archive: ${messageOf(error)}`;
  return new InvalidError(message, [], { cause: error });
}
