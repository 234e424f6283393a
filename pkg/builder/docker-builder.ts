import { tmpdir } from 'node:os';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { Clock } from '../base/clock';
import { deadline } from '../base/clock';
import type { Disposable } from '../base/disposable';
import {
  CancelledError,
  GilliamError,
  InvalidError,
  PreconditionError,
  UnavailableError,
} from '../base/errors';
import type { Logger } from '../base/log';
import type { BuildPlan } from '../gen/gilliam/v1/build_service';
import { BuildResult } from '../gen/gilliam/v1/build_service';
import type { BuildPart, EngineMessage } from './build-output';
import { BuildOutput, outputPart } from './build-output';
import { dockerignore } from './dockerignore';
import { Engine, reasonOf, statusOf } from './engine';
import { jsonLines } from './json-lines';
import type { ContextPlan } from './plan';
import { planBuild } from './plan';
import { processesOf } from './processes';
import { registryImages, RegistryPatience } from './registry-patience';
import { Slots } from './slots';
import type { SpoolOptions } from './spool';
import { Spool } from './spool';
import type { TreeLimits } from './tree-check';
import { DEFAULT_TREE_LIMITS } from './tree-check';
import type { Builder, BuildInput } from './types';

export interface DockerBuilderOptions {
  readonly docker: Docker;
  readonly clock: Clock;
  readonly log: Logger;
  /** For the images' names. */
  readonly stage: string;
  /** What apps without a Dockerfile of their own are built on. */
  readonly baseImage: string;
  /** The certificates that builds trust, as PEM; see `hostCaBundle`. */
  readonly caBundle?: string | undefined;
  /** The engine's predefined build arguments; see `hostBuildArgs`. */
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly limits?: Partial<TreeLimits>;
  /** Where uploaded trees are kept while they are built. Default the system's directory for temporary files. */
  readonly directory?: string;
  /** The longest a build may take. Default 30 minutes. */
  readonly timeoutMs?: number;
  /** Builds at a time; further ones wait. Default 4. */
  readonly maxBuilds?: number;
}

const DEFAULT_TIMEOUT_MS = 30 * 60_000;
const DEFAULT_MAX_BUILDS = 4;
const HEALTH_TIMEOUT_MS = 5_000;

/** Builds with a Docker Engine, and leaves the images in its store. */
export class DockerBuilder implements Builder {
  readonly #options: DockerBuilderOptions;
  readonly #engine: Engine;
  readonly #spool: SpoolOptions;
  readonly #slots: Slots;
  readonly #patience: RegistryPatience;

  constructor(options: DockerBuilderOptions) {
    this.#options = options;
    this.#engine = new Engine(options.docker);
    this.#spool = {
      limits: { ...DEFAULT_TREE_LIMITS, ...options.limits },
      directory: options.directory ?? tmpdir(),
    };
    this.#patience = new RegistryPatience(options.clock);
    this.#slots = new Slots(options.maxBuilds ?? DEFAULT_MAX_BUILDS);
  }

  async plan(input: BuildInput, signal: AbortSignal): Promise<BuildPlan> {
    const spool = await Spool.read(input.tar, this.#spool, signal);
    try {
      return this.#planOf(input, spool).plan;
    } finally {
      await spool.dispose();
    }
  }

  async *build(input: BuildInput, signal: AbortSignal): AsyncIterable<BuildPart> {
    const spool = await Spool.read(input.tar, this.#spool, signal);
    try {
      const context = this.#planOf(input, spool);
      yield { $case: 'plan', value: context.plan };
      if (this.#slots.full) yield outputPart('waiting for another build to end\n');
      const release = await this.#slots.take(signal).catch((cause: unknown) => {
        throw new CancelledError('the build was cancelled', { cause });
      });
      try {
        yield* this.#build(input, spool, context, signal);
      } finally {
        release();
      }
    } finally {
      await spool.dispose();
    }
  }

  async health(signal: AbortSignal): Promise<string | undefined> {
    const { clock, baseImage } = this.#options;
    const limit = deadline(clock, HEALTH_TIMEOUT_MS, signal);
    try {
      await this.#engine.ping(limit.signal);
      await this.#engine.inspect(baseImage, limit.signal);
      return undefined;
    } catch (error) {
      if (statusOf(error) === 404) return `the base image ${baseImage} is missing: gilliam up makes it`;
      return `the Docker Engine does not answer: ${reasonOf(error)}`;
    } finally {
      limit.dispose();
    }
  }

  async *#build(
    input: BuildInput,
    spool: Spool,
    context: ContextPlan,
    signal: AbortSignal,
  ): AsyncIterable<BuildPart> {
    const { clock, log } = this.#options;
    const timeoutMs = this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const limit = deadline(clock, timeoutMs, signal);
    // A consumer that goes away ends this generator: then the engine has to be told as well.
    const gone = new AbortController();
    const silent = new AbortController();
    const until = AbortSignal.any([limit.signal, gone.signal, silent.signal]);
    let output = new BuildOutput();
    const started = clock.monotonic();
    try {
      const ignore = context.detection.dockerfile && spool.tree.texts.get('.dockerignore');
      const pulls = input.mayFallBack
        ? await this.#toPull(context.plan.dockerfile, until)
        : new Map<string, string>();
      const awaited = { pulls, onSilence: (why: string) => silent.abort(new PreconditionError(why)) };
      let result: BuildResult | undefined;
      for (let first = true; !result; first = false) {
        output = new BuildOutput();
        const upload = spool.context(context.extra, ignore === undefined ? undefined : dockerignore(ignore));
        yield* this.#steps(context, upload, { output, ...awaited }, until);
        try {
          result = await this.#finish(input, context, output, until);
        } catch (error) {
          // Until it is named it is nobody's: a stage that goes with all of its images takes the same one with it.
          if (!first || statusOf(error) !== 404) throw error;
          yield outputPart('the image was removed by somebody else before it was named: once more\n');
        }
      }
      log.info('image built', {
        formation: input.formation,
        commit: input.commit,
        image: result.image,
        ms: Math.round(clock.monotonic() - started),
      });
      yield { $case: 'result', value: result };
    } catch (error) {
      if (signal.aborted) throw new CancelledError('the build was cancelled', { cause: error });
      if (silent.signal.aborted) {
        throw new PreconditionError(`${output.where} failed: ${reasonOf(silent.signal.reason)}`);
      }
      if (limit.signal.aborted) {
        throw new PreconditionError(
          `${output.where} has not ended within ${Math.round(timeoutMs / 1000)} s: the build was stopped`,
          { cause: error },
        );
      }
      throw (await this.#isWithoutBase(error, output)) ? this.#baseMissing(error) : refined(error);
    } finally {
      gone.abort();
      limit.dispose();
    }
  }

  async *#steps(
    context: ContextPlan,
    upload: Readable,
    { output, pulls, onSilence }: Watched,
    signal: AbortSignal,
  ): AsyncIterable<BuildPart> {
    let waiting: Disposable | undefined;
    try {
      const options = {
        dockerfile: context.dockerfile,
        buildargs: { ...this.#options.buildArgs, ...this.#baseArgument(context) },
        rm: true,
        forcerm: true,
      };
      const messages = await this.#engine.build(upload, options, signal);
      for await (const message of jsonLines<EngineMessage>(messages)) {
        const parts = output.read(message);
        // The line after a step's is no answer of a registry; what the pull says is.
        if (message.stream?.trim() !== '') {
          waiting?.dispose();
          waiting = undefined;
        }
        const begun = parts.find((part) => part.$case === 'step')?.value.instruction;
        const registry = begun === undefined ? undefined : pulls.get(begun.split(' ')[1] ?? '');
        if (registry !== undefined) waiting = this.#patience.wait(registry, onSilence);
        yield* parts;
      }
    } finally {
      waiting?.dispose();
      upload.destroy();
    }
  }

  /** Images that the engine has to fetch, each with its registry. Throws PreconditionError where one was silent of late. */
  async #toPull(dockerfile: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const pulls = new Map<string, string>();
    for (const { image, registry } of registryImages(dockerfile)) {
      const there = await this.#engine.inspect(image, signal).catch((error: unknown) => {
        if (statusOf(error) !== 404) throw error;
        return undefined;
      });
      if (there) continue;
      if (this.#patience.isSilent(registry)) {
        throw new PreconditionError(
          `the registry ${registry} did not answer a moment ago: it is not asked for a minute`,
        );
      }
      pulls.set(image, registry);
    }
    return pulls;
  }

  #planOf({ commandsElsewhere }: BuildInput, { tree }: Spool): ContextPlan {
    return planBuild(tree, { ...this.#options, ...(commandsElsewhere && { commandsElsewhere }) });
  }

  /** For Dockerfiles that ask for the base image without knowing its name: `ARG GILLIAM_BASE`. */
  #baseArgument({ plan }: ContextPlan): Record<string, string> {
    return plan.dockerfile.includes('GILLIAM_BASE') ? { GILLIAM_BASE: this.#options.baseImage } : {};
  }

  /** Names the image, so that nothing prunes it, and reads from it what the Dockerfile did not tell. */
  async #finish(
    input: BuildInput,
    context: ContextPlan,
    output: BuildOutput,
    signal: AbortSignal,
  ): Promise<BuildResult> {
    const { imageId } = output;
    if (imageId === undefined) throw new UnavailableError(`${output.where} was cut off: deploy again`);
    const image = await this.#engine.inspect(imageId, signal);
    const { detection, plan } = context;
    const runsItself = detection.commands.size === 0 && !input.commandsElsewhere;
    if (runsItself && !image.hasCommand) {
      throw new PreconditionError('the image has no command: add CMD to the Dockerfile, or a Procfile');
    }
    // What a Dockerfile's own base image exposes is not in the Dockerfile.
    const inherited = detection.dockerfile?.ports.length === 0 && image.ports.length > 0;
    const processes = inherited
      ? processesOf({ ...detection, dockerfile: { text: plan.dockerfile, ports: image.ports } })
      : plan.processes;
    const digest = imageId.slice('sha256:'.length);
    const repo = `gilliam/${this.#options.stage}/${input.formation}`;
    await this.#engine.tag(imageId, repo, digest.slice(0, 12), signal);
    return BuildResult.fromPartial({ image: imageId, processes, imageBytes: BigInt(image.sizeBytes) });
  }

  /** Whether the first step failed for want of the base image. */
  async #isWithoutBase(error: unknown, output: BuildOutput): Promise<boolean> {
    const { clock, baseImage } = this.#options;
    if (!(error instanceof PreconditionError) || !output.where.endsWith(` FROM ${baseImage}`)) return false;
    const limit = deadline(clock, HEALTH_TIMEOUT_MS);
    try {
      await this.#engine.inspect(baseImage, limit.signal);
      return false;
    } catch (cause) {
      return statusOf(cause) === 404;
    } finally {
      limit.dispose();
    }
  }

  #baseMissing(cause: unknown): PreconditionError {
    return new PreconditionError(
      `the base image ${this.#options.baseImage} is missing and cannot be pulled: run gilliam up, which makes it`,
      { cause },
    );
  }
}

/** The output of a build, and the registries that it waits for. */
interface Watched {
  readonly output: BuildOutput;
  /** Image → registry, of those that are fetched. */
  readonly pulls: ReadonlyMap<string, string>;
  readonly onSilence: (why: string) => void;
}

/** What the engine's refusals mean for whoever asked for the build. */
function refined(error: unknown): Error {
  if (error instanceof GilliamError) return error;
  const status = statusOf(error);
  const why = reasonOf(error);
  if (status === 400) return new InvalidError(`the Dockerfile is refused: ${why}`, [], { cause: error });
  if (status !== undefined) {
    return new PreconditionError(`the Docker Engine refuses the build: ${why}`, { cause: error });
  }
  return new UnavailableError(`the Docker Engine does not answer, is it running? (${why})`, { cause: error });
}
