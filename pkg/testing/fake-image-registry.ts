import { createHash } from 'node:crypto';
import { UnavailableError } from '../base/errors';
import type { ImageRegistry, RegistryAnswer, RegistryRequest } from '../images/image-registry';

/**
 * An image registry in memory, as far as reading, putting manifests, listing and removing go; and one that misbehaves.
 */
export class FakeImageRegistry implements ImageRegistry {
  readonly #manifests = new Map<string, string>();
  readonly #blobs = new Map<string, Buffer>();
  /** All requests: `GET /v2/…`. */
  readonly asked: string[] = [];
  /** It does not answer. */
  away = false;
  /** Bodies end after so many bytes, without an error. */
  cutAfterBytes: number | undefined;

  constructor(private readonly repository: string) {}

  /** Puts a manifest there that names this image as what it is of. */
  addImage(image: string, tag = image.slice('sha256:'.length)): string {
    const manifest = JSON.stringify({ config: { digest: image } });
    this.#manifests.set(tag, manifest);
    return digestOf(manifest);
  }

  addBlob(content: string | Buffer): string {
    const bytes = Buffer.from(content as string);
    const digest = digestOf(bytes);
    this.#blobs.set(digest, bytes);
    return digest;
  }

  async ask({ method, path, headers }: RegistryRequest, signal: AbortSignal): Promise<RegistryAnswer> {
    signal.throwIfAborted();
    this.asked.push(`${method} ${path}`);
    if (this.away) throw new UnavailableError('the image registry does not answer');
    const prefix = `/v2/${this.repository}/`;
    if (!path.startsWith(prefix)) return answer(404, '');
    const [kind = '', name = ''] = path.slice(prefix.length).split(/[/?]/);
    if (kind === 'tags') return answer(200, JSON.stringify({ tags: [...this.#manifests.keys()] }));
    if (kind === 'blobs') return this.#blob(name, headers.range);
    const tag = [...this.#manifests].find(([key, value]) => key === name || digestOf(value) === name)?.[0];
    if (tag === undefined) return answer(404, '');
    const manifest = this.#manifests.get(tag) ?? '';
    if (method === 'DELETE') {
      this.#manifests.delete(tag);
      return answer(202, '');
    }
    return answer(200, method === 'HEAD' ? '' : manifest, { 'docker-content-digest': digestOf(manifest) });
  }

  #blob(digest: string, range: string | undefined): RegistryAnswer {
    const whole = this.#blobs.get(digest);
    if (!whole) return answer(404, '');
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const bytes = whole.subarray(from);
    const headers = { 'content-length': String(bytes.length) };
    return answer(
      range === undefined ? 200 : 206,
      bytes.subarray(0, this.cutAfterBytes ?? bytes.length),
      headers,
    );
  }
}

function answer(status: number, body: string | Buffer, headers: Record<string, string> = {}): RegistryAnswer {
  const whole = async function* () {
    const bytes = Buffer.from(body as string);
    for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
  };
  return { status, headers, body: whole() };
}

function digestOf(content: string | Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
