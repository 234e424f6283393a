import { ConflictError } from '../../base/errors';
import { sessions, type Session } from '../../resource/objects';
import type { Guard, Lease, Store } from '../../store/store';
import type { ApiContext } from '../api-context';
import { newMetadata } from '../objects';
import { retryConflicts } from '../retry';
import type { ReportingSession } from './report-writer';

type Context = Pick<ApiContext, 'store' | 'clock' | 'random' | 'identity'> & { readonly store: Store };

/**
 * An executor's session that this control plane holds, and its object in the store. The object is lost when our lease
 * is; then it is made again. It is over when the executor has a newer one.
 */
export class HeldSession implements ReportingSession {
  readonly #context: Context;
  readonly #lease: () => Promise<Lease>;
  readonly #over = new AbortController();
  #revision: bigint;
  #synced = false;
  /** Changes of the object, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    context: Context,
    readonly executor: string,
    readonly number: bigint,
    opened: { readonly revision: bigint; readonly lease: () => Promise<Lease> },
  ) {
    this.#context = context;
    this.#revision = opened.revision;
    this.#lease = opened.lease;
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

  /** Puts the object under the current lease. Throws ConflictError, and ends, when there is a newer session. */
  renew(signal: AbortSignal): Promise<void> {
    return this.#put(signal, true);
  }

  /** Removes the object, if it is still this session's. */
  async close(): Promise<void> {
    this.end(new ConflictError('the session is closed'));
    await this.#inTurn(async () => {
      const { store } = this.#context;
      const key = { formation: '', name: this.executor };
      const found = await store.get(sessions, key);
      if (found?.number !== this.number) return;
      await store.commit([{ op: 'delete', kind: sessions, key, revision: found.metadata.revision }]);
    });
  }

  #put(signal: AbortSignal, anyway = false): Promise<void> {
    const attempt = async () => {
      if (this.#over.signal.aborted) throw this.#over.signal.reason as Error;
      const { store } = this.#context;
      const found = await store.get(sessions, { formation: '', name: this.executor }, signal);
      if (found && found.number > this.number) return this.supersede();
      const right = found?.number === this.number && found.synced === this.#synced;
      if (found && right && !anyway) {
        this.#revision = found.metadata.revision;
        return undefined;
      }
      const object: Session = {
        metadata: found?.metadata ?? newMetadata(this.#context, { name: this.executor }),
        number: this.number,
        holder: this.#context.identity,
        synced: this.#synced,
      };
      const lease = await this.#lease();
      const op = found ? ('update' as const) : ('create' as const);
      this.#revision = await store.commit([{ op, kind: sessions, object, lease }], [], signal);
      return undefined;
    };
    return this.#inTurn(async () => {
      const ended = await retryConflicts(this.#context, attempt, signal);
      if (ended) throw ended;
    });
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(run);
    this.#turn = done.catch(() => {});
    return done;
  }
}
