import { deadline } from '../../base/clock';
import { PreconditionError, messageOf } from '../../base/errors';
import { Passage } from '../../base/passage';
import type { RunResponse, TerminalOutput, TerminalSize } from '../../gen/gilliam/v1/exec_service';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { isFinished, shortName } from '../../resource/instance';
import { instances, type Instance } from '../../resource/objects';
import { explain } from '../../scheduler/explain';
import { nearestMiss } from '../../scheduler/nearest-miss';
import type { ApiContext } from '../api-context';
import { Pulse } from '../pulse';
import type { ExecutorTerminals } from '../replicas/executor-terminals';
import { snapshot } from '../snapshot';
import { changeInstance, stopped } from '../stop-instance';
import type { TerminalRelay } from './terminal-relay';

/** How long the end of a command may take to be written down when its caller is gone. */
const stopWithinMs = 30_000;

interface Parts {
  readonly context: ApiContext;
  readonly terminals: Pick<ExecutorTerminals, 'open'>;
  /** Of the caller's window, where there is one. */
  readonly size: TerminalSize | undefined;
}

/** One command that runs once, from its instance's making to its end: what its caller is told of both. */
export class RunCall {
  readonly #parts: Parts;
  readonly #responses = new Passage<RunResponse>(1);
  readonly #changed = new Pulse();
  #instance: Instance;
  #finished = false;

  constructor(parts: Parts, instance: Instance) {
    this.#parts = parts;
    this.#instance = instance;
  }

  /**
   * Answers until the command has ended. `begin` is called with the relay once there is one. When the caller leaves
   * before the end, the instance is stopped.
   */
  async *run(begin: (relay: TerminalRelay) => void, signal: AbortSignal): AsyncGenerator<RunResponse> {
    const { caches } = this.#parts.context;
    const { uid } = this.#instance.metadata;
    const subscription = caches.of(instances).onChange((_key, after) => {
      if (after?.metadata.uid !== uid) return;
      this.#instance = after;
      this.#changed.beat();
    });
    // What happened before the subscription.
    const key = { formation: this.#instance.metadata.formation, name: this.#instance.metadata.name };
    const seen = caches.of(instances).get(key);
    if (seen?.metadata.uid === uid) this.#instance = seen;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const working = this.#work(begin, either).then(
      () => this.#responses.end(),
      (error: unknown) => this.#responses.end(error as Error),
    );
    try {
      yield { message: { $case: 'instance', value: this.#instance } };
      yield* this.#responses.take(signal);
    } finally {
      over.abort();
      subscription.dispose();
      void working;
      if (!this.#finished) void this.#stop();
    }
  }

  async #work(begin: (relay: TerminalRelay) => void, signal: AbortSignal): Promise<void> {
    await this.#placed(signal);
    if (signal.aborted) return;
    const { executor, oneOff } = this.#instance.spec;
    const { uid } = this.#instance.metadata;
    const tty = oneOff?.tty ?? false;
    const relay = this.#parts.terminals.open(executor, {
      ...{ uid, command: [], tty },
      size: this.#parts.size,
    });
    signal.addEventListener('abort', () => relay.leave(), { once: true });
    begin(relay);
    const telling = this.#tell(signal);
    for await (const output of relay.output.take(signal)) {
      if (output.output?.$case === 'exit') this.#finished = true;
      await this.#answer(output);
    }
    void telling;
  }

  /** Resolves once it has an executor. Throws PreconditionError when none takes it. */
  async #placed(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#instance.spec.executor === '') {
      const { status } = this.#instance;
      if (isFinished(status.state)) throw new PreconditionError('it was stopped before it was placed');
      if (status.reason !== '') throw this.#refused();
      await this.#changed.next(signal);
    }
  }

  #refused(): PreconditionError {
    const { message } = this.#instance.status;
    const miss = nearestMiss(explain(snapshot(this.#parts.context), this.#instance));
    const near = miss ? `; nearest: ${miss.text}; ${miss.fix}` : '';
    return new PreconditionError(`nothing takes ${shortName(this.#instance)} now: ${message}${near}`);
  }

  /** What becomes of it before it runs. */
  async #tell(signal: AbortSignal): Promise<void> {
    let told: InstanceState = InstanceState.UNSPECIFIED;
    while (!signal.aborted && !this.#finished) {
      const { state } = this.#instance.status;
      if (state === InstanceState.RUNNING || isFinished(state)) return;
      if (state !== told)
        await this.#responses.put({ message: { $case: 'instance', value: this.#instance } });
      told = state;
      if (state === this.#instance.status.state) await this.#changed.next(signal);
    }
  }

  async #answer(output: TerminalOutput): Promise<void> {
    await this.#responses.put({ message: { $case: 'output', value: output } });
  }

  /** Nobody waits for it any more. Should this fail, its executor ends it when nobody is attached for a while. */
  async #stop(): Promise<void> {
    const { context } = this.#parts;
    const limit = deadline(context.clock, stopWithinMs);
    try {
      const now = new Date(context.clock.now());
      await changeInstance(context, this.#instance, (instance) => stopped(instance, now), limit.signal);
    } catch (error) {
      const { name, formation } = this.#instance.metadata;
      context.log.warn('a command was not stopped', { formation, name, error: messageOf(error) });
    } finally {
      limit.dispose();
    }
  }
}
