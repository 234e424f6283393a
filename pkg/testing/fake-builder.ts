import type { BuildInput, Builder } from '../builder/types';
import type { BuildPlan, BuildResponse } from '../gen/gilliam/v1/build_service';
import { Process } from '../gen/gilliam/v1/release';

type Part = NonNullable<BuildResponse['part']>;

/** Builds nothing: reads the tree to its end, says what it is told to say, and remembers what it was given. */
export class FakeBuilder implements Builder {
  /** Bytes of each tree that was read. */
  readonly received: number[] = [];
  /** What was asked for, but for the tree. */
  readonly inputs: Omit<BuildInput, 'tar'>[] = [];
  /** How many builds were cancelled. */
  cancelled = 0;
  /** Thrown by the next builds and plans, after the tree has been read. */
  failure: Error | undefined;
  /** What `health` answers. */
  problem: string | undefined;
  /** Whether builds stop before their result, until they are cancelled. */
  hangs = false;

  constructor(
    readonly image: string = `sha256:${'a'.repeat(64)}`,
    readonly processes: Readonly<Record<string, Process>> = {
      web: Process.fromPartial({ command: ['/bin/sh', '-c', 'web'], ports: [{ containerPort: 8080 }] }),
      worker: Process.fromPartial({ command: ['/bin/sh', '-c', 'worker'] }),
    },
  ) {}

  async plan(input: BuildInput, signal: AbortSignal): Promise<BuildPlan> {
    await this.#read(input, signal);
    return {
      kind: 'fake',
      reason: 'it is a test',
      dockerfile: 'FROM scratch\n',
      processes: { ...this.processes },
    };
  }

  async *build(input: BuildInput, signal: AbortSignal): AsyncGenerator<Part> {
    yield { $case: 'plan', value: await this.plan(input, signal) };
    yield { $case: 'step', value: { number: 1, total: 1, instruction: 'RUN true' } };
    yield { $case: 'output', value: Buffer.from('built\n') };
    if (this.hangs) await this.#untilCancelled(signal);
    const { image, processes } = this;
    yield { $case: 'result', value: { image, processes: { ...processes }, imageBytes: 1_000n } };
  }

  async health(): Promise<string | undefined> {
    return this.problem;
  }

  async #read({ tar, ...input }: BuildInput, signal: AbortSignal): Promise<void> {
    this.inputs.push(input);
    let bytes = 0;
    for await (const chunk of tar) {
      signal.throwIfAborted();
      bytes += chunk.length;
    }
    // What was cut off is not a tree that was read.
    signal.throwIfAborted();
    this.received.push(bytes);
    if (this.failure) throw this.failure;
  }

  #untilCancelled(signal: AbortSignal): Promise<never> {
    return new Promise((_resolve, reject) => {
      const onAbort = () => {
        this.cancelled++;
        reject(signal.reason as Error);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
