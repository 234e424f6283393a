import { tmpdir } from 'node:os';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { Clock } from '../base/clock';
import { deadline } from '../base/clock';
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
import { BuildEnd } from './build-end';
import type { BuildPart, EngineMessage } from './build-output';
import { BuildOutput, outputPart } from './build-output';
import { dockerignore } from './dockerignore';
import { Engine, reasonOf, statusOf } from './engine';
import { jsonLines } from './json-lines';
import type { ContextPlan } from './plan';
import { planBuild } from './plan';
import { processesOf } from './processes';
import { RegistryPatience } from './registry-patience';
import { RegistryPulls } from './registry-pulls';
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
      const base = await this.#engine.find(baseImage, limit.signal);
      return base ? undefined : `the base image ${baseImage} is missing: gilliam up makes it`;
    } catch (error) {
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
    const { clock, log, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    const end = new BuildEnd(clock, timeoutMs, signal);
    const started = clock.monotonic();
    let output = new BuildOutput();
    try {
      const pulls = await this.#pullsOf(input, context, end.signal);
      let result: BuildResult | undefined;
      for (let first = true; !result; first = false) {
        output = new BuildOutput();
        yield* this.#steps(context, contextOf(spool, context), { output, pulls, end });
        try {
          result = await this.#finish(input, context, output, end.signal);
        } catch (error) {
          if (!first || !(error instanceof ImageGone)) throw error;
          yield outputPart('the image was removed by somebody else before it was named: once more\n');
        }
      }
      const { formation, commit } = input;
      const ms = Math.round(clock.monotonic() - started);
      log.info('image built', { formation, commit, image: result.image, ms });
      yield { $case: 'result', value: result };
    } catch (error) {
      throw end.reason(output.where, error) ?? (await this.#explained(error, output));
    } finally {
      end.dispose();
    }
  }

  /** The engine's build, message by message. */
  async *#steps(
    context: ContextPlan,
    upload: Readable,
    { output, pulls, end }: BuildRun,
  ): AsyncIterable<BuildPart> {
    try {
      const options = {
        dockerfile: context.dockerfile,
        buildargs: { ...this.#options.buildArgs, ...this.#baseArgument(context) },
        rm: true,
        forcerm: true,
      };
      const messages = await this.#engine.build(upload, options, end.signal);
      for await (const message of jsonLines<EngineMessage>(messages)) {
        const parts = output.read(message);
        pulls.follow(message, parts, (why) => end.silent(why));
        yield* parts;
      }
    } finally {
      pulls.dispose();
      upload.destroy();
    }
  }

  async #pullsOf(
    { mayFallBack }: BuildInput,
    { plan }: ContextPlan,
    signal: AbortSignal,
  ): Promise<RegistryPulls> {
    const around = { engine: this.#engine, patience: this.#patience };
    return mayFallBack
      ? RegistryPulls.of(plan.dockerfile, around, signal)
      : RegistryPulls.none(this.#patience);
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
    const image = await this.#engine.find(imageId, signal);
    if (!image) throw new ImageGone();
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
    await this.#engine.tag(imageId, repo, digest.slice(0, 12), signal).catch((error: unknown) => {
      throw statusOf(error) === 404 ? new ImageGone({ cause: error }) : error;
    });
    return BuildResult.fromPartial({ image: imageId, processes, imageBytes: BigInt(image.sizeBytes) });
  }

  /** What a failure means for whoever asked for the build. */
  async #explained(error: unknown, output: BuildOutput): Promise<Error> {
    const { baseImage } = this.#options;
    const atBase = error instanceof PreconditionError && output.where.endsWith(` FROM ${baseImage}`);
    if (!atBase || (await this.#isThere(baseImage))) return explained(error);
    return new PreconditionError(
      `the base image ${baseImage} is missing and cannot be pulled: run gilliam up, which makes it`,
      { cause: error },
    );
  }

  /** Also where nobody can say. */
  async #isThere(image: string): Promise<boolean> {
    const limit = deadline(this.#options.clock, HEALTH_TIMEOUT_MS);
    try {
      return (await this.#engine.find(image, limit.signal)) !== undefined;
    } catch {
      return true;
    } finally {
      limit.dispose();
    }
  }
}

/** A build under way. */
interface BuildRun {
  readonly output: BuildOutput;
  readonly pulls: RegistryPulls;
  readonly end: BuildEnd;
}

/** Until it is named an image is nobody's: a stage that goes with all of its images takes the same one with it. */
class ImageGone extends PreconditionError {
  constructor(options?: ErrorOptions) {
    super('the image was removed by somebody else before it was named: deploy again', options);
  }
}

function contextOf(spool: Spool, { detection, extra }: ContextPlan): Readable {
  const ignore = detection.dockerfile && spool.tree.texts.get('.dockerignore');
  return spool.context(extra, ignore === undefined ? undefined : dockerignore(ignore));
}

function explained(error: unknown): Error {
  if (error instanceof GilliamError) return error;
  const status = statusOf(error);
  const why = reasonOf(error);
  if (status === 400) return new InvalidError(`the Dockerfile is refused: ${why}`, [], { cause: error });
  if (status !== undefined) {
    return new PreconditionError(`the Docker Engine refuses the build: ${why}`, { cause: error });
  }
  return new UnavailableError(`the Docker Engine does not answer, is it running? (${why})`, { cause: error });
}
