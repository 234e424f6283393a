import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { InvalidError, messageOf } from '../base/errors';

// Of descriptions; layers are passed by.
const maxTextBytes = 8 * 1024 ** 2;
const maxEntries = 10_000;

interface SavedImage {
  readonly Config?: unknown;
  readonly RepoTags?: unknown;
}

/**
 * Throws InvalidError unless the archive, as `docker save` writes it, is of exactly the one image and gives it no name:
 * an engine that loads it takes over every name that it finds. That the layers are those of the image is the engine's
 * own check.
 */
export async function checkImageArchive(
  tar: AsyncIterable<Uint8Array>,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const digests = new Map<string, string>();
  const names = new Set<string>();
  let manifest: Buffer | undefined;
  let index: Buffer | undefined;
  let entries = 0;
  const reader = extract();
  const fed = pipeline(tar, reader, { signal });
  fed.catch(() => {});
  try {
    for await (const entry of reader) {
      const { size = 0 } = entry.header;
      if (++entries > maxEntries) throw refused('it has too many entries');
      const name = checkedName(entry.header);
      if (names.has(name)) throw refused(`it holds ${shown(name)} twice`);
      names.add(name);
      if (size > maxTextBytes) {
        entry.resume();
        continue;
      }
      const bytes = await buffer(entry as AsyncIterable<Uint8Array>);
      digests.set(name, createHash('sha256').update(bytes).digest('hex'));
      if (name === 'manifest.json') manifest = bytes;
      if (name === 'index.json') index = bytes;
    }
    await fed;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof InvalidError) throw error;
    throw refused(`it is no sound tar archive: ${messageOf(error)}`, error);
  }
  if (!manifest) throw refused('it has no manifest.json: make it with docker save');
  const [image, ...more] = readManifest(manifest);
  if (!image || more.length > 0) throw refused(`it holds ${image ? more.length + 1 : 0} images, not one`);
  if (Array.isArray(image.RepoTags) && image.RepoTags.length > 0) {
    throw refused('it gives the image a name: save it by its digest');
  }
  if (index && givesName(index))
    throw refused('its index.json gives the image a name: save it by its digest');
  const found = typeof image.Config === 'string' ? digests.get(image.Config) : undefined;
  if (`sha256:${found ?? ''}` !== id) {
    throw refused(`it holds another image than ${id.slice(0, 19)}: it was damaged, or tampered with`);
  }
}

/**
 * The engine unpacks what we only read: what it would write elsewhere than its name says, or over what was written
 * before, would not be what was checked. Older engines make links of layers that are the same, of nothing else.
 */
function checkedName({ name: text, type, linkname }: Header): string {
  const name = type === 'directory' ? text.replace(/\/$/, '') : text;
  const parts = name.split('/');
  const plain = parts.every((part) => part !== '' && part !== '.' && part !== '..');
  const link = type === 'symlink' && oldLayer.test(name) && oldLink.test(linkname ?? '');
  const whole = type === 'file' || type === 'contiguous-file' || type === 'directory' || !type;
  if (!plain || !(whole || link)) throw refused(`it holds ${shown(text)}, which docker save does not write`);
  return name;
}

const oldLayer = /^[0-9a-f]{64}\/layer\.tar$/;
const oldLink = /^\.\.\/[0-9a-f]{64}\/layer\.tar$/;

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 64));
}

/** Engines that keep images as registries do take their names from there. */
function givesName(index: Buffer): boolean {
  const names = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'];
  try {
    const { manifests } = JSON.parse(index.toString()) as {
      manifests?: readonly { annotations?: Readonly<Record<string, unknown>> }[];
    };
    return (manifests ?? []).some(({ annotations }) =>
      names.some((name) => annotations?.[name] !== undefined),
    );
  } catch (error) {
    throw refused('its index.json cannot be read', error);
  }
}

function readManifest(bytes: Buffer): readonly SavedImage[] {
  try {
    const parsed: unknown = JSON.parse(bytes.toString());
    if (!Array.isArray(parsed)) throw new TypeError('no list');
    return parsed as SavedImage[];
  } catch (error) {
    throw refused('its manifest.json cannot be read', error);
  }
}

function refused(why: string, cause?: unknown): InvalidError {
  return new InvalidError(`the archive of the image is refused: ${why}`, [], { cause });
}
