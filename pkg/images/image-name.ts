import { InvalidError } from '../base/errors';

const id = /^sha256:([0-9a-f]{64})$/;

/** Whether it is an image by the digest of itself, as engines know it, and not one of somebody's registry. */
export function isImageId(image: string): boolean {
  return id.test(image);
}

/** The tag under which a registry has the image: all digits of its id, so that no two images share one. */
export function imageTag(image: string): string {
  const digits = id.exec(image)?.[1];
  if (digits !== undefined) return digits;
  const description = `image "${image.slice(0, 200)}" is no image's own digest: use sha256:<64 digits>`;
  throw new InvalidError(description, [{ field: 'image', description }]);
}

/** Where the images of a stage are in a registry, which may be that of several stages. */
export function imageRepository(stageKey: string): string {
  return `gilliam/${stageKey}`;
}

/** Whether a registry takes it as the name of a repository of ours. */
export function isImageRepository(repository: string): boolean {
  return /^gilliam\/[a-z0-9]+(?:-+[a-z0-9]+)*$/.test(repository);
}

/** As people read it: its first twelve digits, which is what engines show, too. */
export function shortImage(image: string): string {
  return image.replace(/^(sha256:[0-9a-f]{12})[0-9a-f]*$/, '$1');
}

/** A name at an engine that keeps the image from being pruned: of the kind that built ones have. */
export function keptName(
  repository: string,
  why: string,
  image: string,
): { repository: string; tag: string } {
  return { repository: `${repository}/${why}`, tag: imageTag(image).slice(0, 12) };
}
