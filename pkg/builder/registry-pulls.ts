import type { Disposable } from '../base/disposable';
import { PreconditionError } from '../base/errors';
import type { BuildPart, EngineMessage } from './build-output';
import type { Engine } from './engine';
import { registryImages, type RegistryPatience } from './registry-patience';

/** The images that a build has to fetch, and its patience with the registries that they come from. */
export class RegistryPulls implements Disposable {
  #waiting: Disposable | undefined;

  private constructor(
    /** Image → registry. */
    private readonly registries: ReadonlyMap<string, string>,
    private readonly patience: RegistryPatience,
  ) {}

  /** For builds that wait for a registry as long as the engine does. */
  static none(patience: RegistryPatience): RegistryPulls {
    return new RegistryPulls(new Map(), patience);
  }

  /** Those that the engine does not have. Throws PreconditionError where one's registry was silent of late. */
  static async of(
    dockerfile: string,
    { engine, patience }: { readonly engine: Engine; readonly patience: RegistryPatience },
    signal: AbortSignal,
  ): Promise<RegistryPulls> {
    const registries = new Map<string, string>();
    for (const { image, registry } of registryImages(dockerfile)) {
      if (await engine.find(image, signal)) continue;
      if (patience.isSilent(registry)) {
        throw new PreconditionError(
          `the registry ${registry} did not answer a moment ago: it is not asked for a minute`,
        );
      }
      registries.set(image, registry);
    }
    return new RegistryPulls(registries, patience);
  }

  /** Follows the build, by a message and what it says; calls back where the registry of the step stays silent. */
  follow(message: EngineMessage, parts: readonly BuildPart[], onSilence: (why: string) => void): void {
    // The line after a step's is no answer of a registry; what the pull says is.
    if (message.stream?.trim() !== '') this.dispose();
    const begun = parts.find((part) => part.$case === 'step')?.value.instruction;
    const registry = begun === undefined ? undefined : this.registries.get(begun.split(' ')[1] ?? '');
    if (registry !== undefined) this.#waiting = this.patience.wait(registry, onSilence);
  }

  dispose(): void {
    this.#waiting?.dispose();
    this.#waiting = undefined;
  }
}
