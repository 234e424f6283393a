import { setMaxListeners } from 'node:events';
import { ConflictError } from '../../base/errors';
import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { executors, sessions, type Session } from '../../resource/objects';
import type { Guard, Lease, Store } from '../../store/store';
import type { ApiContext } from '../api-context';
import { newMetadata } from '../objects';
import { retryConflicts } from '../retry';
import type { ReportingSession } from './report-writer';

type Context = Pick<ApiContext, 'store' | 'clock' | 'random' | 'identity'> & { readonly store: Store };

/** Of what an executor says of itself. */
const maxReasonLength = 1_000;

/**
 * An executor's session that this control plane holds, and its object in the store. The object is lost when our lease
 * is; then it is made again, unless the executor was declared lost meanwhile. It is over then, and when the executor has
 * a newer one.
 */
export class HeldSession implements ReportingSession {
  readonly #context: Context;
  readonly #lease: () => Promise<Lease>;
  readonly #address: () => string;
  readonly #over = new AbortController();
  #revision: bigint;
  #synced = false;
  #engineSilence = '';
  /** Changes of the object, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    context: Context,
    readonly executor: string,
    readonly number: bigint,
    opened: {
      readonly revision: bigint;
      readonly lease: () => Promise<Lease>;
      /** Where other control planes reach this one. */
      readonly address: () => string;
    },
  ) {
    this.#context = context;
    // Each log and each terminal that its executor is asked for listens.
    setMaxListeners(0, this.#over.signal);
    this.#revision = opened.revision;
    this.#lease = opened.lease;
    this.#address = opened.address;
  }

  /** Aborted when the session is over: closed, or followed by a newer one. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Ends it here: whoever serves its stream ends that with the reason. */
  end(reason: Error): void {
    this.#over.abort(reason);
  }

  /** The executor has connected again, here or elsewhere. */
  supersede(): ConflictError {
    const error = new ConflictError(
      `executor ${this.executor} has connected again: this session is over. Do two executors have this name?`,
    );
    this.end(error);
    return error;
  }

  /** What the session lives under now, and whatever is to live no longer than it. */
  lease(): Promise<Lease> {
    return this.#lease();
  }

  guard(): Guard {
    return {
      guard: 'object',
      kind: sessions,
      key: { formation: '', name: this.executor },
      revision: this.#revision,
    };
  }

  confirm(signal: AbortSignal): Promise<void> {
    return this.#put(signal);
  }

  /** The executor has carried out its first assignment. */
  async setSynced(signal: AbortSignal): Promise<void> {
    this.#synced = true;
    await this.#put(signal);
  }

  /** The executor's engine does not answer, and why; empty: it does. */
  async setEngine(silence: string, signal: AbortSignal): Promise<void> {
    this.#engineSilence = silence.slice(0, maxReasonLength);
    await this.#put(signal);
  }

  /** Puts the object under the current lease. Throws ConflictError, and ends, when there is a newer session. */
  renew(signal: AbortSignal): Promise<void> {
    return this.#put(signal, true);
  }

  /** Removes the object, if it is still this session's. To be called again when it throws: the session is over anyhow. */
  async close(signal: AbortSignal): Promise<void> {
    this.end(new ConflictError('the session is closed'));
    const attempt = async () => {
      const { store } = this.#context;
      const key = { formation: '', name: this.executor };
      const found = await store.get(sessions, key);
      if (found?.number !== this.number) return;
      await store.commit([{ op: 'delete', kind: sessions, key, revision: found.metadata.revision }]);
    };
    await this.#inTurn(() => retryConflicts(this.#context, attempt, signal));
  }

  #put(signal: AbortSignal, anyway = false): Promise<void> {
    const attempt = async () => {
      if (this.#over.signal.aborted) throw this.#over.signal.reason as Error;
      const { store } = this.#context;
      const found = await store.get(sessions, { formation: '', name: this.executor }, signal);
      if (found && found.number > this.number) return this.supersede();
      const right =
        found?.number === this.number &&
        found.synced === this.#synced &&
        found.engineSilence === this.#engineSilence;
      if (found && right && !anyway) {
        this.#revision = found.metadata.revision;
        return undefined;
      }
      const guards = found ? [] : await this.#stillKnown(signal);
      if (!guards) return this.#lost();
      const object: Session = {
        metadata: found?.metadata ?? newMetadata(this.#context, { name: this.executor }),
        number: this.number,
        holder: this.#context.identity,
        address: this.#address(),
        synced: this.#synced,
        engineSilence: this.#engineSilence,
      };
      const lease = await this.#lease();
      const op = found ? ('update' as const) : ('create' as const);
      this.#revision = await store.commit([{ op, kind: sessions, object, lease }], guards, signal);
      return undefined;
    };
    return this.#inTurn(async () => {
      const ended = await retryConflicts(this.#context, attempt, signal);
      if (ended) throw ended;
    });
  }

  /** That the executor is not lost; undefined when it is. */
  async #stillKnown(signal: AbortSignal): Promise<readonly Guard[] | undefined> {
    const key = { formation: '', name: this.executor };
    const executor = await this.#context.store.get(executors, key, signal);
    if (executor?.status.state === ExecutorState.LOST) return undefined;
    return [{ guard: 'object', kind: executors, key, revision: executor?.metadata.revision ?? 0n }];
  }

  /** What it runs is lost, and has to be stopped before it takes new work: that begins with a new session. */
  #lost(): ConflictError {
    const error = new ConflictError(
      `executor ${this.executor} was declared lost while its session was not kept: connect again`,
    );
    this.end(error);
    return error;
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(run);
    this.#turn = done.catch(() => {});
    return done;
  }
}
