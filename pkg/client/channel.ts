import {
  Client as GrpcJsClient,
  Metadata,
  status,
  type CallOptions as GrpcCallOptions,
  type ServiceError,
} from '@grpc/grpc-js';
import { SystemClock, type Clock } from '../base/clock';
import type { GilliamError } from '../base/errors';
import { CancelledError, DeadlineError, UnavailableError } from '../base/errors';
import { parseAddresses } from './addresses';
import { reasonIn } from './connection-failure';
import { Peers } from './peers';
import { fromStatus, isFromServer } from './status';
import { readAll, writeAll, type Writable } from './streams';
import { trustAt } from './trust';
import type { CallOptions, Method } from './types';

export interface ChannelOptions {
  /** `host:port`; of several control planes, all of them with commas between. */
  readonly address: string;
  /** The bearer token; without one only health and reflection answer. */
  readonly token?: string;
  /** Who calls, for the events that tell of it. Proves nothing. */
  readonly user?: string;
  /** The certificate authority to trust, in PEM. With it the connection is encrypted. */
  readonly ca?: string;
  /** For messages only. Default `local`. */
  readonly stage?: string;
  /** The longest silence, while calls are under way, before the peer is asked for a sign of life. Default 1 s. */
  readonly keepaliveMs?: number;
  /** How long that sign of life may take. Default 4 s. */
  readonly keepaliveTimeoutMs?: number;
  /** The largest message that is accepted. Default 16 MiB. */
  readonly maxReceiveBytes?: number;
  /** How much a peer may send before it is taken: more than the usual 64 KiB for what is large and comes from afar. */
  readonly windowBytes?: number;
  readonly clock?: Clock;
}

const defaultDeadlineMs = 10_000;

/** The connection to a control plane, one of several where there are: it knows how to call, not what. */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #clock: Clock;
  readonly #peers: Peers;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#clock = options.clock ?? new SystemClock();
    const settings = {
      'grpc.keepalive_time_ms': options.keepaliveMs ?? 1000,
      'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs ?? 4000,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.max_receive_message_length': options.maxReceiveBytes ?? 16 * 2 ** 20,
      'grpc.max_send_message_length': -1,
      ...(options.windowBytes !== undefined && { 'grpc-node.flow_control_window': options.windowBytes }),
      // A proxy of the environment is for the web, not for the control plane.
      'grpc.enable_http_proxy': 0,
      // Two clients of one process must not share a connection: closing one would have to wait for the other.
      'grpc.use_local_subchannel_pool': 1,
    };
    const addresses = parseAddresses(options.address);
    this.#peers = new Peers(
      addresses.map((address) => {
        const trust = trustAt(address, options.ca);
        return new GrpcJsClient(address, trust.credentials, { ...settings, ...trust.settings });
      }),
      this.#clock,
    );
  }

  close(): void {
    this.#peers.close();
  }

  /** How the method is called; see `Call` for the shape. `complete` fills in a request's defaults. */
  call(method: Method, complete: (partial: unknown) => unknown): unknown {
    if (method.requestStream) {
      return method.responseStream
        ? (requests: AsyncIterable<unknown>, options?: CallOptions) => this.#bidi(method, requests, options)
        : (requests: AsyncIterable<unknown>, options?: CallOptions) =>
            this.#upload(method, requests, options);
    }
    return method.responseStream
      ? (request: unknown, options?: CallOptions) => this.#download(method, complete(request), options)
      : (request: unknown, options?: CallOptions) => this.#unary(method, complete(request), options);
  }

  async #unary(method: Method, request: unknown, options: CallOptions = {}): Promise<unknown> {
    const peer = await this.#peers.pick();
    return this.#answer(options, (done) =>
      peer.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        this.#metadata(),
        this.#grpcOptions(options, defaultDeadlineMs),
        done,
      ),
    );
  }

  async #upload(
    method: Method,
    requests: AsyncIterable<unknown>,
    options: CallOptions = {},
  ): Promise<unknown> {
    const peer = await this.#peers.pick();
    let writing: Promise<void> = Promise.resolve();
    const answer = this.#answer(options, (done) => {
      const call = peer.makeClientStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        this.#metadata(),
        this.#grpcOptions(options),
        done,
      );
      writing = writeAll(call as Writable, requests);
      return call;
    });
    // The answer says why a call ended early; the source's own error says more.
    return Promise.all([answer, writing]).then(
      ([value]) => value,
      (error: unknown) => writing.then(() => Promise.reject(error as Error)),
    );
  }

  async *#download(method: Method, request: unknown, options: CallOptions = {}): AsyncGenerator<unknown> {
    const peer = await this.#peers.pick();
    const call = peer.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      this.#metadata(),
      this.#grpcOptions(options),
    );
    yield* readAll(call, options.signal, (error) => this.#explain(error, options));
  }

  async *#bidi(
    method: Method,
    requests: AsyncIterable<unknown>,
    options: CallOptions = {},
  ): AsyncGenerator<unknown> {
    const peer = await this.#peers.pick();
    const call = peer.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      this.#metadata(),
      this.#grpcOptions(options),
    );
    let failure: unknown;
    const writing = writeAll(call as Writable, requests).catch((error: unknown) => (failure = error));
    try {
      yield* readAll(call, options.signal, (error) => this.#explain(error, options));
    } catch (error) {
      // The source of the requests failed, and that cancelled the call: that is the reason.
      throw failure ?? error;
    } finally {
      void writing;
    }
    if (failure) throw failure as Error;
  }

  #answer(
    options: CallOptions,
    start: (done: (error: ServiceError | null, value?: unknown) => void) => { cancel(): void },
  ): Promise<unknown> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled(signal));
      const call = start((error, value) => {
        signal?.removeEventListener('abort', onAbort);
        if (error) reject(this.#explain(error, options));
        else resolve(value);
      });
      const onAbort = () => call.cancel();
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #metadata(): Metadata {
    const metadata = new Metadata();
    if (this.#options.token !== undefined) metadata.set('authorization', `Bearer ${this.#options.token}`);
    // Metadata is ASCII; names are not.
    if (this.#options.user !== undefined)
      metadata.set('gilliam-user', encodeURIComponent(this.#options.user));
    return metadata;
  }

  #grpcOptions(options: CallOptions, defaultMs?: number): GrpcCallOptions {
    const ms = options.deadlineMs ?? defaultMs;
    return ms === undefined ? {} : { deadline: this.#clock.now() + ms };
  }

  #explain(thrown: unknown, options: CallOptions): GilliamError {
    if (options.signal?.aborted) return cancelled(options.signal);
    const error = thrown as ServiceError;
    if (isFromServer(error)) return fromStatus(error);
    const where = `the control plane of stage "${this.#options.stage ?? 'local'}"`;
    if (error.code === status.UNAVAILABLE) {
      return new UnavailableError(
        `${where} does not answer at ${this.#options.address}: ${whyUnavailable(error, this.#options.address)}`,
        { cause: error },
      );
    }
    if (error.code === status.DEADLINE_EXCEEDED) {
      const ms = options.deadlineMs ?? defaultDeadlineMs;
      return new DeadlineError(
        `${where} did not answer within ${ms / 1000} s: try again, or gilliam status`,
        {
          cause: error,
        },
      );
    }
    return fromStatus(error);
  }
}

function cancelled(signal: AbortSignal): CancelledError {
  return new CancelledError('the call was cancelled', { cause: signal.reason });
}

function whyUnavailable(error: ServiceError, address: string): string {
  const local = /^(127\.|localhost:|\[::1\])/.test(address);
  if (local && !/certificate|TLS|SSL/i.test(error.details)) return 'gilliam up';
  return `${reasonIn(error.details)}: is it running there, and is the address of the stage file right?`;
}
