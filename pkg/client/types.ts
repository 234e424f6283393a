import type { DeepPartial } from '../gen/gilliam/v1/metadata';

export interface CallOptions {
  /** Cancels the call: it ends with a CancelledError. */
  readonly signal?: AbortSignal;
  /** How long the answer may take. Default 10 s for calls with one answer, none for streams. */
  readonly deadlineMs?: number;
}

/** One method as ts-proto describes it to gRPC. */
export interface Method {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  // The contravariant side has to admit every message type.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly requestSerialize: (value: any) => Buffer;
  readonly requestDeserialize: (value: Buffer) => unknown;
  readonly responseDeserialize: (value: Buffer) => unknown;
}

export type RequestOf<M extends Method> = ReturnType<M['requestDeserialize']>;
export type ResponseOf<M extends Method> = ReturnType<M['responseDeserialize']>;

/**
 * How a method is called. Requests may leave out what has its default. Streams are async iterables: they begin when
 * they are iterated, end with the call, and leaving the loop cancels the call. All throw GilliamErrors only.
 */
export type Call<M extends Method> = M['requestStream'] extends true
  ? M['responseStream'] extends true
    ? (requests: AsyncIterable<RequestOf<M>>, options?: CallOptions) => AsyncIterable<ResponseOf<M>>
    : (requests: AsyncIterable<RequestOf<M>>, options?: CallOptions) => Promise<ResponseOf<M>>
  : M['responseStream'] extends true
    ? (request: DeepPartial<RequestOf<M>>, options?: CallOptions) => AsyncIterable<ResponseOf<M>>
    : (request: DeepPartial<RequestOf<M>>, options?: CallOptions) => Promise<ResponseOf<M>>;

/** A service's methods, by their names. */
export type ServiceClient<S> = { readonly [K in keyof S]: S[K] extends Method ? Call<S[K]> : never };
