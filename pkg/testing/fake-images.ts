import { createHash } from 'node:crypto';
import { InvalidError, NotFoundError } from '../base/errors';
import type { ImageArchive } from '../builder/types';

/** Images that are nothing but their archives, each by the digest of it. */
export class FakeImages implements ImageArchive {
  readonly #archives = new Map<string, Buffer>();
  readonly #byName = new Map<string, string>();

  /** Puts an image there, by another name too where one is given: `host/name@sha256:…`. */
  add(content: string | Buffer, name?: string): string {
    const archive = Buffer.from(content as string);
    const id = digestOf(archive);
    this.#archives.set(id, archive);
    if (name !== undefined) this.#byName.set(name, id);
    return id;
  }

  remove(id: string): void {
    this.#archives.delete(id);
  }

  has(id: string): boolean {
    return this.#archives.has(id);
  }

  async find(image: string): Promise<string> {
    const id = this.#byName.get(image) ?? image;
    if (this.#archives.has(id)) return id;
    throw new NotFoundError(`image "${image}" is gone from the stage's engine: deploy again`);
  }

  async *save(id: string): AsyncIterable<Uint8Array> {
    const archive = this.#archives.get(id) ?? Buffer.alloc(0);
    for (let at = 0; at < archive.length; at += 1_000) yield archive.subarray(at, at + 1_000);
  }

  async load(id: string, tar: AsyncIterable<Uint8Array>): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of tar) chunks.push(chunk);
    const archive = Buffer.concat(chunks);
    if (digestOf(archive) !== id) throw new InvalidError('it holds another image: it was damaged');
    this.#archives.set(id, archive);
  }
}

function digestOf(archive: Buffer): string {
  return `sha256:${createHash('sha256').update(archive).digest('hex')}`;
}
