import type {
  handleUnaryCall,
  Metadata,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { CancelledError } from '../base/errors';
import { toStatus } from '../client/status';
import type { Method, RequestOf, ResponseOf } from '../client/types';

/** What a handler knows of its call besides the request. */
export interface CallContext {
  /** Aborted when the caller is gone, the deadline has passed, or the server stops. */
  readonly signal: AbortSignal;
  /** Who calls, as the caller says (`gilliam-user` metadata): for events, proves nothing. May be empty. */
  readonly user: string;
}

/** ` by ada`, where the caller says who it is. */
export function by({ user }: CallContext): string {
  return user === '' ? '' : ` by ${user}`;
}

export type Handler<M extends Method> = (
  request: M['requestStream'] extends true ? AsyncIterable<RequestOf<M>> : RequestOf<M>,
  call: CallContext,
) => M['responseStream'] extends true ? AsyncIterable<ResponseOf<M>> : Promise<ResponseOf<M>>;

/**
 * A service as plain functions: promises for single answers, async iterables for streams. What a handler throws
 * becomes the call's status. A stream's next message is asked for when the last one has been taken by the transport,
 * so that a slow reader holds up its own handler and nothing queues up.
 */
export type Handlers<S> = { readonly [K in keyof S]: S[K] extends Method ? Handler<S[K]> : never };

export interface EnteredCall {
  readonly context: CallContext;
  /** The call is over. */
  leave(): void;
}

/** Lets calls in. */
export interface Gate {
  /** Throws when the call may not be made; `cancelled` calls back when the caller is gone. */
  enter(metadata: Metadata, method: Method, onCancelled: (listener: () => void) => void): EnteredCall;
  /** Told of each failure before it is sent. */
  failed(method: Method, error: unknown): void;
}

type AnyCall =
  | ServerUnaryCall<unknown, unknown>
  | ServerReadableStream<unknown, unknown>
  | ServerWritableStream<unknown, unknown>
  | ServerDuplexStream<unknown, unknown>;
type Respond = Parameters<handleUnaryCall<unknown, unknown>>[1];

/** The service in the form that grpc-js wants it in. */
export function implement<S extends Record<string, Method>>(
  definition: S,
  handlers: Handlers<S>,
  gate: Gate,
): UntypedServiceImplementation {
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(definition)) {
    const handler = (handlers as Record<string, (request: unknown, call: CallContext) => unknown>)[name];
    if (!handler) throw new TypeError(`no handler of ${method.path}`);
    implementation[name] = (call: AnyCall, respond?: Respond) => {
      void serve(method, call, respond, { gate, handler: handler.bind(handlers) });
    };
  }
  return implementation;
}

async function serve(
  method: Method,
  call: AnyCall,
  respond: Respond | undefined,
  { gate, handler }: { gate: Gate; handler: (request: unknown, context: CallContext) => unknown },
): Promise<void> {
  let entered: EnteredCall | undefined;
  try {
    entered = gate.enter(call.metadata, method, (listener) =>
      (call as NodeJS.EventEmitter).once('cancelled', listener),
    );
    const { context } = entered;
    const request = method.requestStream
      ? requestsOf(call as Requests)
      : (call as { request: unknown }).request;
    const result = handler(request, context);
    if (method.responseStream) {
      const out = call as ServerWritableStream<unknown, unknown>;
      await writeAll(out, result as AsyncIterable<unknown>, context.signal);
      out.end();
    } else {
      respond?.(null, await result);
    }
  } catch (thrown) {
    // What comes of an abort says less than why there was one.
    const error: unknown = entered?.context.signal.aborted ? entered.context.signal.reason : thrown;
    gate.failed(method, error);
    const status = toStatus(error);
    if (method.responseStream) (call as NodeJS.EventEmitter).emit('error', status);
    else respond?.(status);
  } finally {
    entered?.leave();
  }
}

type Requests = ServerReadableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>;

/**
 * The stream's own iterator destroys it when the loop is left, and when the call fails while it waits: the answer, or
 * the status, is still to be sent on it. This one never does.
 */
function requestsOf(call: Requests): AsyncIterable<unknown> {
  const next = async (): Promise<IteratorResult<unknown>> => {
    for (;;) {
      const message: unknown = call.read();
      if (message !== null) return { done: false, value: message };
      if (call.readableEnded) return { done: true, value: undefined };
      if (call.destroyed) throw new CancelledError('the caller is gone');
      await somethingNew(call);
    }
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

function somethingNew(call: Requests): Promise<void> {
  const events = ['readable', 'end', 'close', 'error'] as const;
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      for (const event of events) call.off(event, settle);
      if (error) reject(error);
      else resolve();
    };
    for (const event of events) call.on(event, settle);
  });
}

async function writeAll(
  call: ServerWritableStream<unknown, unknown>,
  responses: AsyncIterable<unknown>,
  signal: AbortSignal,
): Promise<void> {
  for await (const response of responses) {
    if (signal.aborted) break;
    if (!call.write(response)) await drained(call, signal);
  }
  if (signal.aborted) throw new CancelledError('the call was cancelled', { cause: signal.reason });
}

function drained(call: ServerWritableStream<unknown, unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off('drain', done);
      call.off('close', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    if (signal.aborted) return resolve();
    call.once('drain', done);
    call.once('close', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
