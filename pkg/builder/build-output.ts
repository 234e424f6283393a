import { ExhaustedError, PreconditionError } from '../base/errors';
import type { BuildResponse, BuildStep } from '../gen/gilliam/v1/build_service';
import { unresolvedName } from './unresolved-name';

export type BuildPart = NonNullable<BuildResponse['part']>;

/** One message of the engine's build output. */
export interface EngineMessage {
  readonly stream?: string;
  readonly aux?: { readonly ID?: string };
  readonly status?: string;
  readonly progressDetail?: object;
  readonly id?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message?: string };
}

const step = /^Step (\d+)\/(\d+) : (.*?)\s*$/s;
/** What the engine tells of its own bookkeeping. */
const bookkeeping =
  /^(?: ---> (?:Running in )?[0-9a-f]{12}|Removing intermediate container [0-9a-f]{12}|Successfully (?:built|tagged) \S+)\n$/;
/** The engine colours what came from stderr. */
const coloured = /^\x1b\[91m(.*)\x1b\[0m$/s;
const diskFull = /no space left on device|\bENOSPC\b|disk quota exceeded/i;

const MAX_INSTRUCTION_LENGTH = 100;

/** Turns the engine's messages into steps and output, and its errors into ones that name the step. */
export class BuildOutput {
  /** The image, once it is made: `sha256:…`. */
  imageId: string | undefined;
  #step: BuildStep | undefined;
  #diskFull = false;
  /** What the step has said that it could not resolve. */
  #unresolved: string | undefined;
  #afterStep = false;

  /** Throws PreconditionError or ExhaustedError when the message is an error. */
  read(message: EngineMessage): readonly BuildPart[] {
    if (message.error !== undefined || message.errorDetail !== undefined) throw this.#failure(message);
    if (message.aux?.ID?.startsWith('sha256:')) this.imageId = message.aux.ID;
    if (message.status !== undefined) return this.#readStatus(message);
    return message.stream === undefined ? [] : this.#readStream(message.stream);
  }

  /** The step under way, for messages: `step 5/7 RUN npm ci`. */
  get where(): string {
    if (!this.#step) return 'the build';
    const { number, total, instruction } = this.#step;
    return `step ${number}/${total} ${shortened(instruction)}`;
  }

  #readStream(text: string): readonly BuildPart[] {
    const match = step.exec(text);
    // Programs may print lines that look like a step; the engine's are counted.
    if (match && Number(match[1]) === (this.#step?.number ?? 0) + 1) {
      const instruction = (match[3] ?? '').replace(/\s+/g, ' ');
      this.#step = { number: Number(match[1]), total: Number(match[2]), instruction };
      this.#diskFull = false;
      this.#unresolved = undefined;
      this.#afterStep = true;
      return [{ $case: 'step', value: this.#step }];
    }
    const endsStep = this.#afterStep && text === '\n';
    this.#afterStep = false;
    if (endsStep || text === '' || bookkeeping.test(text)) return [];
    if (diskFull.test(text)) this.#diskFull = true;
    this.#unresolved ??= unresolvedName(text);
    return [outputPart(coloured.exec(text)?.[1] ?? text)];
  }

  /** A pull's progress comes many times a second: only its changes are passed on. */
  #readStatus({ status, id, progressDetail }: EngineMessage): readonly BuildPart[] {
    if (progressDetail && Object.keys(progressDetail).length > 0) return [];
    return [outputPart(`${id ? `${id}: ` : ''}${status}\n`)];
  }

  #failure({ error, errorDetail }: EngineMessage): Error {
    const message = (errorDetail?.message ?? error ?? '').replace(/\s+/g, ' ').trim();
    if (this.#diskFull || diskFull.test(message)) {
      return new ExhaustedError(
        `${this.where} failed: the disk of the Docker Engine is full: free space, for example with docker system prune, then deploy again`,
      );
    }
    const code = errorDetail?.code;
    if (code === 137)
      return this.#failed('exit 137: it was killed, perhaps for lack of memory (see the output above)');
    if (code && this.#unresolved !== undefined) {
      return this.#failed(
        `exit ${code} after ${this.#unresolved} could not be resolved (see the output above): ` +
          'let the containers of the Docker Engine reach it (DNS, firewall, HTTP_PROXY), then deploy again',
      );
    }
    return this.#failed(code ? `exit ${code} (see the output above)` : message);
  }

  #failed(why: string): Error {
    return new PreconditionError(`${this.where} failed: ${why}`);
  }
}

export function outputPart(text: string): BuildPart {
  return { $case: 'output', value: Buffer.from(text) };
}

function shortened(instruction: string): string {
  const first = instruction.split(' && ')[0] ?? '';
  const text = first === instruction ? first : `${first} && …`;
  return text.length > MAX_INSTRUCTION_LENGTH ? `${text.slice(0, MAX_INSTRUCTION_LENGTH - 1)}…` : text;
}
