import type { BuildPlan, BuildResponse } from '../gen/gilliam/v1/build_service';

export interface BuildInput {
  readonly formation: string;
  /** The git commit that the tree is of, for the log; may be empty. */
  readonly commit: string;
  /** The source tree as a tar archive, in chunks. */
  readonly tar: AsyncIterable<Uint8Array>;
  /** What runs is said elsewhere, in a manifest: the tree need not say it. */
  readonly commandsElsewhere?: boolean;
  /** Something else is tried where this fails: a registry that is silent is not waited for long. */
  readonly mayFallBack?: boolean;
}

/** Makes images of source trees. Implemented over a Docker Engine; the API server is given one. */
export interface Builder {
  /** What would be built. Throws InvalidError for a tree that is refused or in which nothing is detected. */
  plan(input: BuildInput, signal: AbortSignal): Promise<BuildPlan>;
  /**
   * Plan, then steps and output as they happen, last the result. Throws InvalidError as `plan` does,
   * PreconditionError naming the step that failed, ExhaustedError when the disk is full.
   */
  build(input: BuildInput, signal: AbortSignal): AsyncIterable<NonNullable<BuildResponse['part']>>;
  /** Whether builds are possible now: undefined, or why not. */
  health(signal: AbortSignal): Promise<string | undefined>;
}

/** The images of the engine that builds, on their way from and to other stages. */
export interface ImageArchive {
  /** The digest of the image itself, `sha256:…`. Throws NotFoundError where the engine does not have it. */
  find(image: string, signal: AbortSignal): Promise<string>;
  /** As `docker save` writes it. `id` is what `find` has said. */
  save(id: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Takes in an archive of one image. Throws InvalidError when it holds another than `id`, or more than that, and then
   * leaves the engine as it was.
   */
  load(id: string, tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
}
