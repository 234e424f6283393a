import { UnavailableError } from '../base/errors';
import type { DoorCredentials } from '../images/engine-door';
import type { ImageEngine, ImageName } from '../images/image-engine';

/** An engine that moves images as Docker does, as far as names go: it speaks to the registry that is in a name. */
export class FakeImageEngine implements ImageEngine {
  readonly #ids = new Set<string>();
  readonly #names = new Map<string, string>();
  /** In place of what pushes and pulls do. */
  transfer: (verb: 'push' | 'pull', name: ImageName, credentials: DoorCredentials) => Promise<void> =
    async () => {};
  /** What a pull brings. */
  brings = '';

  add(image: string, ...names: string[]): void {
    this.#ids.add(image);
    for (const name of names) this.#names.set(name, image);
  }

  /** Names of the image, or of all. */
  names(image?: string): string[] {
    return [...this.#names].filter(([, id]) => image === undefined || id === image).map(([name]) => name);
  }

  has(image: string): boolean {
    return this.#ids.has(image);
  }

  async idOf(image: string): Promise<string | undefined> {
    return this.#names.get(image) ?? (this.#ids.has(image) ? image : undefined);
  }

  async isNamed(image: string): Promise<boolean> {
    return this.names(image).length > 0;
  }

  async allNames(): Promise<readonly string[]> {
    return this.names();
  }

  async tag(image: string, { repository, tag }: ImageName): Promise<void> {
    if (!this.#ids.has(image)) throw new UnavailableError(`no such image: ${image}`);
    this.#names.set(`${repository}:${tag}`, image);
  }

  async untag({ repository, tag }: ImageName): Promise<void> {
    const image = this.#names.get(`${repository}:${tag}`);
    this.#names.delete(`${repository}:${tag}`);
    // As Docker does: with its last name it goes itself.
    if (image !== undefined && this.names(image).length === 0) this.#ids.delete(image);
  }

  async push(name: ImageName, credentials: DoorCredentials): Promise<void> {
    await this.transfer('push', name, credentials);
  }

  async pull(name: ImageName, credentials: DoorCredentials): Promise<void> {
    await this.transfer('pull', name, credentials);
    this.add(this.brings, `${name.repository}:${name.tag}`);
  }
}
