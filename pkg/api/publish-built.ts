import { messageOf } from '../base/errors';
import { isImageId } from '../images/image-name';
import type { ApiContext } from './api-context';

/**
 * Brings a new image to the stage's registry, so that every executor can have it at once. Says in one line why that was not possible: it is
 * tried again when an executor asks, and this machine's needs it from nowhere.
 */
export async function publishBuilt(
  { stageImages, log }: Pick<ApiContext, 'stageImages' | 'log'>,
  image: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!stageImages || !isImageId(image)) return undefined;
  try {
    await stageImages.publisher.publish(image, signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    log.warn('a new image is on this machine only', { image, error: messageOf(error) });
    return `warning: other machines cannot have this image yet, and try again when they need it: ${messageOf(error)}`;
  }
}
