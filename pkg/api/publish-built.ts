import { messageOf } from '../base/errors';
import { isImageId } from '../images/image-name';
import type { ApiContext } from './api-context';

/**
 * Brings a new image to the stage's registry, so that every executor can have it at once, and says in a line that it
 * does: the first one of a stage takes long. A second line says why that was not possible: it is tried again when an
 * executor asks, and this machine's needs it from nowhere.
 */
export async function* publishBuilt(
  { stageImages, log }: Pick<ApiContext, 'stageImages' | 'log'>,
  image: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (!stageImages || !isImageId(image)) return;
  yield "bringing the image to the stage's registry, for other machines";
  try {
    await stageImages.publisher.publish(image, signal);
  } catch (error) {
    signal.throwIfAborted();
    log.warn('a new image is on this machine only', { image, error: messageOf(error) });
    yield `warning: other machines cannot have this image yet, and try again when they need it: ${messageOf(error)}`;
  }
}
