import { messageOf, UnavailableError } from '../base/errors';
import { imageTag } from './image-name';
import type { ImageRegistry, RegistryAnswer, RegistryRequest } from './image-registry';
import { textOf } from './image-registry';

/** Manifests of one image as engines have made them, and what stands for one of several platforms. */
const manifestTypes = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.index.v1+json',
].join(', ');

/** The images of one stage in a registry. */
export class StageRepository {
  constructor(
    private readonly registry: ImageRegistry,
    readonly name: string,
  ) {}

  /** Whether what is there under the image's tag is the image. Throws UnavailableError when that cannot be said. */
  async has(image: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#ask('GET', `manifests/${imageTag(image)}`, signal);
    const text = await textOf(answer);
    if (answer.status === 404) return false;
    if (answer.status !== 200) throw unexpected(answer, text);
    // Of engines that know an image by its manifest, the id is that of the manifest.
    return answer.headers['docker-content-digest'] === image || configOf(text) === image;
  }

  /** Ids of all images that are there. */
  async list(signal: AbortSignal): Promise<readonly string[]> {
    const found: string[] = [];
    for (let path: string | undefined = 'tags/list?n=1000'; path !== undefined;) {
      const answer = await this.#ask('GET', path, signal);
      const text = await textOf(answer);
      if (answer.status === 404) break;
      if (answer.status !== 200) throw unexpected(answer, text);
      const { tags } = JSON.parse(text) as { tags: string[] | null };
      found.push(...(tags ?? []).filter((tag) => /^[0-9a-f]{64}$/.test(tag)).map((tag) => `sha256:${tag}`));
      const next = /<[^>]*\?([^>]*)>;\s*rel="?next"?/.exec(answer.headers.link ?? '')?.[1];
      path = next === undefined ? undefined : `tags/list?${next}`;
    }
    return found;
  }

  /** Removes it; the registry's own collector frees the space. What is not there is no error. */
  async remove(image: string, signal: AbortSignal): Promise<void> {
    const head = await this.#ask('HEAD', `manifests/${imageTag(image)}`, signal);
    await textOf(head);
    const digest = head.headers['docker-content-digest'];
    if (head.status === 404 || digest === undefined) return;
    const answer = await this.#ask('DELETE', `manifests/${digest}`, signal);
    const text = await textOf(answer);
    if (answer.status !== 202 && answer.status !== 404) throw unexpected(answer, text);
  }

  #ask(method: RegistryRequest['method'], path: string, signal: AbortSignal): Promise<RegistryAnswer> {
    const headers = { accept: manifestTypes };
    return this.registry.ask({ method, path: `/v2/${this.name}/${path}`, headers }, signal);
  }
}

function configOf(manifest: string): string | undefined {
  try {
    return (JSON.parse(manifest) as { config?: { digest?: string } }).config?.digest;
  } catch (cause) {
    throw new UnavailableError(`the image registry answers with what is no manifest: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** A registry that is not set up as it should be, or is not well. */
function unexpected({ status }: RegistryAnswer, text: string): UnavailableError {
  const why =
    status === 401 || status === 403 ? 'it does not let us in: is the password right?' : text.slice(0, 200);
  return new UnavailableError(
    `the image registry answers with HTTP ${status}: ${why.trim() || 'without a reason'}`,
  );
}
