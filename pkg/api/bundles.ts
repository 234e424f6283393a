import { InvalidError, PreconditionError } from '../base/errors';
import type { ImageArchive } from '../builder/types';
import type { BundleServiceService, ImportImageRequest } from '../gen/gilliam/v1/bundle_service';
import { formatBytes } from '../resource/quantity';
import { imageViolation } from '../resource/validate-image';
import type { ApiContext } from './api-context';
import type { Handlers } from './call';
import { publishBuilt } from './publish-built';
import { StreamLimit } from './stream-limit';
import { Upload } from './upload';

const maxChunkBytes = 2 ** 20;

export function bundleHandlers(context: ApiContext): Handlers<BundleServiceService> {
  const places = new StreamLimit(context.limits.maxBuilds, 'images on their way');
  return {
    async *exportImage({ image, validateOnly }, call) {
      const archive = requireImages(context);
      checkImage(image, 'image');
      const id = await archive.find(image, call.signal);
      yield { image: id, chunk: Buffer.alloc(0) };
      if (validateOnly) return;
      const place = places.take();
      try {
        for await (const bytes of archive.save(id, call.signal)) {
          for (let at = 0; at < bytes.length; at += maxChunkBytes) {
            yield { image: '', chunk: Buffer.from(bytes.subarray(at, at + maxChunkBytes)) };
          }
        }
      } finally {
        place.dispose();
      }
    },

    async importImage(requests, call) {
      const archive = requireImages(context);
      const iterator = requests[Symbol.asyncIterator]();
      const first = await iterator.next();
      const id = first.done ? '' : imageOf(first.value);
      checkImage(id, 'image');
      if (!id.startsWith('sha256:')) {
        throw invalid(
          'image',
          'image is of a registry: give the digest of the image itself, sha256:<64 digits>',
        );
      }
      const place = places.take();
      try {
        const { maxImageBytes } = context.limits;
        const tar = new Upload(
          iterator,
          {
            chunkOf,
            maxBytes: maxImageBytes,
            tooMuch: `the image is over the limit of ${formatBytes(maxImageBytes)}`,
          },
          call.signal,
        );
        try {
          await archive.load(id, tar, call.signal);
        } catch (error) {
          // Whoever was given half an archive says less than what broke it.
          throw tar.failure ?? error;
        }
        context.log.info('image imported', { image: id });
        // What it says is logged, too; an import has nobody to tell it to before it has ended.
        for await (const _ of publishBuilt(context, id, call.signal));
        return { image: id };
      } finally {
        place.dispose();
      }
    },
  };
}

function requireImages({ images }: ApiContext): ImageArchive {
  if (images) return images;
  throw new PreconditionError('this control plane keeps no images: ask one that has a container engine');
}

function imageOf({ part }: ImportImageRequest): string {
  if (part?.$case === 'image') return part.value;
  throw invalid('part', 'the first message has to say the image');
}

function chunkOf({ part }: ImportImageRequest): Uint8Array {
  if (part?.$case === 'chunk') return part.value;
  throw invalid('part', 'image comes once, then chunks of its archive');
}

function checkImage(image: string, field: string): void {
  const violation = image === '' ? 'image is missing: give it by digest' : imageViolation(image);
  if (violation !== undefined) throw invalid(field, violation);
}

function invalid(field: string, description: string): InvalidError {
  return new InvalidError(description, [{ field, description }]);
}
