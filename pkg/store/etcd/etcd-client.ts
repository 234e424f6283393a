import type { CallOptions } from '@grpc/grpc-js';
import { noop } from 'cockatiel';
import { Etcd3, GRPCDeadlineExceededError, type IDuplexStream } from 'etcd3';
import { type Clock, sleep } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { CancelledError, UnavailableError } from '../../base/errors';
import { abortError, orAborted, throwIfAborted } from '../aborted';
import { castError, UnreachedError } from './etcd-errors';

export interface EtcdClientOptions {
  /** `HOST:PORT`, one or several. */
  readonly endpoints: readonly string[];
  readonly clock: Clock;
  /** How long one call may take. Default 3000. */
  readonly callTimeoutMs?: number;
}

export interface CallSettings {
  readonly signal?: AbortSignal;
  /** How long each try may take. */
  readonly timeoutMs?: number;
  /** Whether doing it twice is as good as once: it reads only. */
  readonly repeatable?: boolean;
}

const defaultCallTimeoutMs = 3000;
const minResetIntervalMs = 1000;
const retryForMs = 1000;
const retryEveryMs = 50;

const grpcOptions = {
  // Below 5 s etcd hangs up.
  'grpc.keepalive_time_ms': 7000,
  'grpc.keepalive_timeout_ms': 3000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.max_receive_message_length': -1,
  // Connections end with their client: a new client starts on a new connection, not on one that hangs.
  'grpc.use_local_subchannel_pool': 1,
};

/**
 * The etcd3 client without its own retries and breakers, and with what it lacks: deadlines, keepalive, and new
 * connections when the old ones hang.
 */
export class EtcdClient {
  readonly endpoints: string;
  readonly #options: EtcdClientOptions;
  readonly #onReset = new Set<() => void>();
  #etcd: Etcd3;
  #lastResetAt = -Infinity;
  readonly #closed = new AbortController();

  constructor(options: EtcdClientOptions) {
    this.#options = options;
    this.endpoints = options.endpoints.join(', ');
    this.#etcd = this.#connect();
  }

  /** Aborted once the client is closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /**
   * One call under a deadline. A call that was never sent is tried again for a moment, so that a broken connection is
   * not noticed; a call that may have been carried out is not, unless it is said to be harmless to repeat. Throws the
   * errors of the store's contract.
   */
  async call<T>(
    operation: (etcd: Etcd3, options: CallOptions) => Promise<T>,
    {
      signal,
      timeoutMs = this.#options.callTimeoutMs ?? defaultCallTimeoutMs,
      repeatable = false,
    }: CallSettings = {},
  ): Promise<T> {
    const { clock } = this.#options;
    const startedAt = clock.monotonic();
    for (;;) {
      try {
        return await this.#once(operation, timeoutMs, signal);
      } catch (error) {
        const again = error instanceof UnreachedError || (repeatable && error instanceof UnavailableError);
        if (!again || clock.monotonic() - startedAt > Math.min(retryForMs, timeoutMs)) throw error;
      }
      await orAborted(sleep(clock, retryEveryMs, signal), signal);
    }
  }

  /** Opens a stream. Its `error` events are the caller's, who must listen. */
  async open<I, O>(opening: (etcd: Etcd3) => Promise<IDuplexStream<I, O>>): Promise<IDuplexStream<I, O>> {
    throwIfAborted(this.closed);
    const stream = await opening(this.#etcd);
    // etcd3 listens too, and would break the connections of all calls when a single stream is cancelled.
    (stream as unknown as NodeJS.EventEmitter).removeAllListeners('error');
    return stream;
  }

  /** Drops all connections, which may hang, for new ones. */
  reset(): void {
    const now = this.#options.clock.monotonic();
    if (this.closed.aborted || now - this.#lastResetAt < minResetIntervalMs) return;
    this.#lastResetAt = now;
    this.#etcd.close();
    this.#etcd = this.#connect();
    for (const listener of [...this.#onReset]) listener();
  }

  /** Calls back when connections are dropped: streams over them have to be opened anew. */
  onReset(listener: () => void): Disposable {
    this.#onReset.add(listener);
    return { dispose: () => this.#onReset.delete(listener) };
  }

  close(): void {
    if (this.closed.aborted) return;
    this.#closed.abort(new CancelledError('the store is closed'));
    this.#etcd.close();
  }

  async #once<T>(
    operation: (etcd: Etcd3, options: CallOptions) => Promise<T>,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    throwIfAborted(this.closed);
    throwIfAborted(signal);
    const etcd = this.#etcd;
    try {
      return await orAborted(operation(etcd, { deadline: this.#options.clock.now() + timeoutMs }), signal);
    } catch (error) {
      if (signal?.aborted) throw abortError(signal);
      if (error instanceof GRPCDeadlineExceededError && etcd === this.#etcd) this.reset();
      throw castError(error, this.endpoints);
    }
  }

  #connect(): Etcd3 {
    return new Etcd3({
      hosts: this.#options.endpoints.map((endpoint) => endpoint.replace(/^(?!https?:\/\/|unix:)/, 'http://')),
      // A retry of etcd3 would repeat what was applied.
      faultHandling: { global: noop, host: () => noop },
      grpcOptions,
    });
  }
}
