import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { InvalidError, messageOf, PreconditionError } from '../../../pkg/base/errors';
import { fileReason } from '../../../pkg/base/file-reason';
import { type Bundle, bundleEntry, getAgain, maxBundleJsonBytes, parseBundle } from './bundle';

/**
 * Reads the file to its end and checks every digest in it. Only what `bundle.json` lists may be there, in its order, and
 * only as plain files: a path that leads elsewhere is refused, not followed. Throws InvalidError.
 */
export async function readBundle(path: string, signal: AbortSignal): Promise<Bundle> {
  let bundle: Bundle | undefined;
  let next = 0;
  for await (const entry of entriesOf(path, signal)) {
    const { header } = entry;
    if (!bundle) {
      if (header.name !== bundleEntry || !isFile(header) || (header.size ?? 0) > maxBundleJsonBytes) {
        throw noBundle(path);
      }
      bundle = parseBundle((await buffer(entry.bytes)).toString());
      continue;
    }
    const expected = bundle.images[next++];
    if (!expected || header.name !== expected.file || !isFile(header)) {
      throw damaged(path, `it holds ${JSON.stringify(header.name.slice(0, 64))}, which it does not list`);
    }
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of entry.bytes) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    if (bytes !== expected.bytes || hash.digest('hex') !== expected.sha256) {
      throw damaged(path, `${expected.file} is not what its digest says`);
    }
  }
  if (!bundle) throw noBundle(path);
  if (next < bundle.images.length) throw damaged(path, `${bundle.images[next]?.file} is missing`);
  return bundle;
}

/** The bytes of one entry of a bundle that was read before. */
export async function* readEntry(
  path: string,
  file: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for await (const { header, bytes } of entriesOf(path, signal)) {
    if (header.name === file) {
      yield* bytes;
      return;
    }
    for await (const _ of bytes);
  }
  throw damaged(path, `${file} is missing`);
}

interface BundleEntry {
  readonly header: Header;
  readonly bytes: AsyncIterable<Uint8Array>;
}

async function* entriesOf(path: string, signal: AbortSignal): AsyncGenerator<BundleEntry> {
  const reader = extract();
  const fed = pipeline(createReadStream(path), reader, { signal });
  fed.catch(() => {});
  let isTar = false;
  const guarded = async function* <T>(source: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* source;
    } catch (error) {
      throw refined(error, { path, isTar }, signal);
    }
  };
  for await (const entry of guarded(reader)) {
    isTar = true;
    yield { header: entry.header, bytes: guarded(entry as AsyncIterable<Uint8Array>) };
  }
  await fed.catch((error: unknown) => {
    throw refined(error, { path, isTar }, signal);
  });
}

function refined(
  error: unknown,
  { path, isTar }: { readonly path: string; readonly isTar: boolean },
  signal: AbortSignal,
): Error {
  if (signal.aborted) return signal.reason as Error;
  if (error instanceof InvalidError) return error;
  // What the system refuses says nothing of what is in the file.
  if ((error as NodeJS.ErrnoException).syscall !== undefined) {
    const what = `${path} cannot be read: ${fileReason(error)}: name the file that gilliam release export has written`;
    return new PreconditionError(what, { cause: error });
  }
  return isTar ? damaged(path, messageOf(error), error) : noBundle(path, error);
}

function isFile({ type }: Header): boolean {
  return type === 'file' || type === undefined || type === null;
}

function noBundle(path: string, cause?: unknown): InvalidError {
  return new InvalidError(`${path} is no bundle: make one with gilliam release export`, [], { cause });
}

function damaged(path: string, why: string, cause?: unknown): InvalidError {
  return new InvalidError(`${path} was damaged or tampered with: ${why}: ${getAgain}`, [], { cause });
}
