import { createHash } from 'node:crypto';
import { InvalidError, messageOf } from '../../../pkg/base/errors';
import { ReleaseSpec } from '../../../pkg/gen/gilliam/v1/release';

/**
 * A release in a file: a tar archive of `bundle.json`, then of the images that it lists, as `docker save` writes them.
 * Everything in it is named by its digest, `bundle.json` included.
 */
export interface Bundle {
  readonly formation: string;
  readonly release: string;
  readonly spec: ReleaseSpec;
  readonly images: readonly BundledImage[];
  /** Of all that `bundle.json` says: with it, nothing in the file can be another. */
  readonly sha256: string;
}

export interface BundledImage {
  /** As the release names it. */
  readonly image: string;
  /** Of the image itself: `sha256:…`. */
  readonly id: string;
  /** Its entry in the archive. */
  readonly file: string;
  readonly bytes: number;
  /** Of the entry. */
  readonly sha256: string;
}

export const bundleEntry = 'bundle.json';
/** What to do about a file that is not as it was written. */
export const getAgain = 'get it again from whoever exported it';
/** More than the largest release takes in JSON. */
export const maxBundleJsonBytes = 8 * 1024 ** 2;
/** As many as a release can have processes, and its own. */
const maxImages = 101;

/** Where the nth image is in the archive. */
export function imageEntry(index: number): string {
  return `images/${index + 1}.tar`;
}

/** The images that a release is run from, each once. */
export function imagesOf({ image, processes }: ReleaseSpec): readonly string[] {
  const all = [image, ...Object.values(processes).map((process) => process.image)];
  return [...new Set(all.filter((each) => each !== ''))];
}

/** The text of `bundle.json`. */
export function formatBundle(bundle: Omit<Bundle, 'sha256'>): {
  readonly text: string;
  readonly sha256: string;
} {
  const content = contentOf(bundle);
  const sha256 = digestOf(content);
  return { text: `${JSON.stringify({ ...content, sha256 }, null, 2)}\n`, sha256 };
}

/** Reads `bundle.json`. Throws InvalidError for one that is none, or that was changed. */
export function parseBundle(text: string): Bundle {
  const { sha256, ...content } = readJson(text);
  const { gilliam, formation, release, spec, images } = content;
  if (gilliam !== 'bundle/1') {
    throw new InvalidError(
      `the file is no bundle of this version (${JSON.stringify(gilliam)}): make it with gilliam release export`,
    );
  }
  if (typeof sha256 !== 'string' || digestOf(content) !== sha256) {
    throw new InvalidError(
      `the bundle was damaged or tampered with: bundle.json is not what its digest says: ${getAgain}`,
    );
  }
  if (typeof formation !== 'string' || typeof release !== 'string' || !Array.isArray(images)) {
    throw new InvalidError(`the bundle is damaged: formation, release or images are missing: ${getAgain}`);
  }
  if (images.length > maxImages)
    throw new InvalidError(`the bundle has ${images.length} images: at most ${maxImages}`);
  return {
    formation,
    release,
    spec: ReleaseSpec.fromJSON(spec),
    images: images.map(readImage),
    sha256,
  };
}

function contentOf({ formation, release, spec, images }: Omit<Bundle, 'sha256'>): Record<string, unknown> {
  return { gilliam: 'bundle/1', formation, release, spec: ReleaseSpec.toJSON(spec), images: [...images] };
}

function readJson(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed !== null && typeof parsed === 'object') return parsed as Record<string, unknown>;
  } catch (error) {
    throw new InvalidError(`the bundle's bundle.json cannot be read: ${messageOf(error)}: ${getAgain}`, [], {
      cause: error,
    });
  }
  throw new InvalidError("the bundle's bundle.json is no object: make it with gilliam release export");
}

function readImage(value: unknown, index: number): BundledImage {
  const { image, id, file, bytes, sha256 } = (value ?? {}) as Record<string, unknown>;
  const sound =
    typeof image === 'string' &&
    typeof id === 'string' &&
    /^sha256:[0-9a-f]{64}$/.test(id) &&
    file === imageEntry(index) &&
    typeof bytes === 'number' &&
    Number.isSafeInteger(bytes) &&
    bytes > 0 &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256);
  if (sound) return { image, id, file, bytes, sha256 };
  throw new InvalidError(
    `the bundle is damaged: what it says of its image ${index + 1} makes no sense: ${getAgain}`,
  );
}

function digestOf(content: Record<string, unknown>): string {
  return createHash('sha256').update(canonical(content)).digest('hex');
}

/** The same text for the same content, whatever the order of its keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
}
