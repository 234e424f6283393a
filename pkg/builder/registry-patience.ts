import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';

/** A registry that can be reached answers well within it; the engine itself waits for a quarter of a minute. */
const patienceMs = 5_000;
/** For so long one that was silent is not asked again. */
const rememberMs = 60_000;
const from = /^\s*FROM\s+(?:--\S+\s+)*(\S+)/i;

/** `host:port` of the registry that an image's name says; undefined of one that names none. */
function registryOf(image: string): string | undefined {
  const slash = image.indexOf('/');
  const host = slash < 0 ? '' : image.slice(0, slash);
  return host === 'localhost' || host.includes('.') || host.includes(':') ? host : undefined;
}

/** The images of a Dockerfile that come from registries, by their names there. */
export function registryImages(dockerfile: string): readonly { image: string; registry: string }[] {
  return dockerfile.split('\n').flatMap((line) => {
    const image = from.exec(line)?.[1] ?? '';
    const registry = registryOf(image);
    return registry === undefined ? [] : [{ image, registry }];
  });
}

/** Where nothing answers, because a firewall drops what is sent there, something else is to be tried soon. */
export class RegistryPatience {
  readonly #silentUntilMs = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  /** Whether it was silent a moment ago. */
  isSilent(registry: string): boolean {
    const untilMs = this.#silentUntilMs.get(registry);
    return untilMs !== undefined && this.clock.monotonic() < untilMs;
  }

  /** An image of the registry is asked for. Calls back, and remembers, when it stays silent; dispose it on any answer. */
  wait(registry: string, onSilence: (error: string) => void): Disposable {
    this.#silentUntilMs.delete(registry);
    return this.clock.after(patienceMs, () => {
      this.#silentUntilMs.set(registry, this.clock.monotonic() + rememberMs);
      onSilence(`the registry ${registry} has not answered within ${patienceMs / 1000} s`);
    });
  }
}
