import { InvalidError, PreconditionError } from '../base/errors';
import { Slots } from '../builder/slots';
import type {
  ImageServiceService,
  PrepareImageResponse,
  ReadImageRequest,
  ReadImageResponse,
} from '../gen/gilliam/v1/image_service';
import { imageTag } from '../images/image-name';
import type { RegistryRequest } from '../images/image-registry';
import { mayRead } from '../images/registry-path';
import type { StageImages } from '../images/stage-images';
import type { ApiContext } from './api-context';
import type { Handlers } from './call';
import { withSignsOfLife } from './signs-of-life';

const maxChunkBytes = 2 ** 20;
/** Well within what executors wait in silence. */
const signEveryMs = 5_000;
/** What is read at a time; more wait. Each has a chunk in memory, and this process has sessions to answer, too. */
const maxReads = 32;

/** Brings images to executors. */
export function imageHandlers(context: ApiContext): Handlers<ImageServiceService> {
  const slots = new Slots(maxReads);
  const signs = { clock: context.clock, everyMs: signEveryMs };
  return {
    prepareImage({ image }, { signal }) {
      return withSignsOfLife(prepare(context, image, signal), { repository: '', tag: '' }, signs);
    },

    readImage(request, { signal }) {
      const read = async function* () {
        const images = requireImages(context);
        const asked = requestOf(images, request);
        const release = await slots.take(signal);
        try {
          yield* answerTo(images, asked, signal);
        } finally {
          release();
        }
      };
      return withSignsOfLife(read(), {}, signs);
    },
  };
}

async function* prepare(
  context: ApiContext,
  image: string,
  signal: AbortSignal,
): AsyncGenerator<PrepareImageResponse> {
  const { publisher, repository } = requireImages(context);
  const tag = imageTag(image);
  await publisher.publish(image, signal);
  yield { repository: repository.name, tag };
}

async function* answerTo(
  { registry }: StageImages,
  request: RegistryRequest,
  signal: AbortSignal,
): AsyncGenerator<ReadImageResponse> {
  const { status, headers, body } = await registry.ask(request, signal);
  yield { part: { $case: 'head', value: { status, headers } } };
  for await (const bytes of body) {
    for (let at = 0; at < bytes.length; at += maxChunkBytes) {
      yield { part: { $case: 'chunk', value: bufferOf(bytes.subarray(at, at + maxChunkBytes)) } };
    }
  }
}

/** The same bytes. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function requestOf({ repository }: StageImages, request: ReadImageRequest): RegistryRequest {
  const { path, headOnly, accept, range } = request;
  const method = headOnly ? 'HEAD' : 'GET';
  if (!mayRead(repository.name, method, path)) {
    throw invalid('path', `only manifests and blobs of ${repository.name} are read here`);
  }
  for (const [field, value] of Object.entries({ accept, range })) {
    // As they are to be in a header.
    if (!/^[\x20-\x7e]{0,4096}$/.test(value)) throw invalid(field, `${field} is no value of a header`);
  }
  return { method, path, headers: { ...(accept && { accept }), ...(range && { range }) } };
}

function requireImages({ stageImages }: ApiContext): StageImages {
  if (stageImages) return stageImages;
  throw new PreconditionError(
    'the stage has no image registry: give its control planes one with GILLIAM_IMAGES, or bring images to its engines with docker save and docker load',
  );
}

function invalid(field: string, description: string): InvalidError {
  return new InvalidError(description, [{ field, description }]);
}
