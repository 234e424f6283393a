import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import { InternalError, messageOf, PreconditionError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import type { ReleaseSpec } from '../../../pkg/gen/gilliam/v1/release';
import { type Bundle, bundleEntry, type BundledImage, formatBundle, imageEntry, imagesOf } from './bundle';

export interface BundleRequest {
  readonly formation: string;
  readonly release: string;
  readonly spec: ReleaseSpec;
  /** Where the file is written; nothing is there until all of it is. */
  readonly path: string;
  readonly withImages: boolean;
}

/** Writes the file. Throws NotFoundError where an image of the release is gone, and leaves nothing then. */
export async function writeBundle(
  client: Client,
  request: BundleRequest,
  signal: AbortSignal,
): Promise<Bundle> {
  const { formation, release, spec, path, withImages } = request;
  const directory = await guarded(request, mkdtemp(join(dirname(path), '.gilliam-bundle-')));
  try {
    const images: BundledImage[] = [];
    for (const [index, image] of imagesOf(spec).entries()) {
      if (withImages) images.push(await fetchImage(client, image, { directory, index }, signal));
      // A release that cannot run any more is of no use to anybody.
      else if (image.startsWith('sha256:')) await findImage(client, image, signal);
    }
    const content = { formation, release, spec, images };
    const { text, sha256 } = formatBundle(content);
    const whole = join(directory, 'bundle.tar');
    const archive = pack();
    const written = pipeline(archive, createWriteStream(whole, { flags: 'wx', mode: 0o600 }), { signal });
    written.catch(() => {});
    archive.entry({ name: bundleEntry, mode: 0o644, mtime: new Date(0) }, text);
    for (const [index, image] of images.entries()) {
      await addFile(archive, image, join(directory, String(index)));
    }
    archive.finalize();
    await written;
    await guarded(request, rename(whole, path));
    return { ...content, sha256 };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Waits; of a place where the file cannot be, throws PreconditionError. */
async function guarded<T>({ formation, release, path }: BundleRequest, doing: Promise<T>): Promise<T> {
  try {
    return await doing;
  } catch (error) {
    throw new PreconditionError(unwritable(error, path, `${formation}-${release}.bundle`), { cause: error });
  }
}

function unwritable(error: unknown, path: string, name: string): string {
  switch ((error as { code?: string }).code) {
    case 'ENOENT':
      return `there is no directory ${dirname(path)}: make it, or name another file with -o`;
    case 'ENOTDIR':
      return `${dirname(path)} is no directory: name another file with -o`;
    case 'EISDIR':
      return `${path} is a directory: name a file with -o, as in -o ${join(path, name)}`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `nothing can be written to ${dirname(path)}: name another file with -o`;
    default:
      return `${path} cannot be written: ${messageOf(error)}`;
  }
}

/** The image's own digest. Throws NotFoundError where the stage does not have it. */
export async function findImage(client: Client, image: string, signal: AbortSignal): Promise<string> {
  for await (const message of client.bundles.exportImage({ image, validateOnly: true }, { signal })) {
    return message.image;
  }
  throw new InternalError('the control plane said nothing of the image: try again');
}

async function fetchImage(
  client: Client,
  image: string,
  to: { readonly directory: string; readonly index: number },
  signal: AbortSignal,
): Promise<BundledImage> {
  const file = await open(join(to.directory, String(to.index)), 'wx', 0o600);
  const hash = createHash('sha256');
  let id = '';
  let bytes = 0;
  try {
    for await (const message of client.bundles.exportImage({ image }, { signal })) {
      id ||= message.image;
      hash.update(message.chunk);
      bytes += message.chunk.length;
      if (message.chunk.length > 0) await file.write(message.chunk);
    }
  } finally {
    await file.close();
  }
  return { image, id, file: imageEntry(to.index), bytes, sha256: hash.digest('hex') };
}

async function addFile(archive: Pack, { file, bytes }: BundledImage, path: string): Promise<void> {
  const entry = archive.entry({ name: file, mode: 0o644, mtime: new Date(0), size: bytes });
  await pipeline(createReadStream(path), entry);
}
