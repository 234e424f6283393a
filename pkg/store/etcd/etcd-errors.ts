import {
  ClientClosedError,
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  EtcdLeaseInvalidError,
  EtcdPermissionDeniedError,
  GRPCDeadlineExceededError,
  GRPCFailedPreconditionError,
  GRPCGenericError,
  GRPCInvalidArgumentError,
  GRPCNotImplementedError,
  GRPCOutOfRangeError,
  GRPCResourceExhastedError,
  GRPCUnauthenticatedError,
} from 'etcd3';
import {
  CancelledError,
  CompactedError,
  ExhaustedError,
  GilliamError,
  InternalError,
  InvalidError,
  messageOf,
  PreconditionError,
  UnavailableError,
} from '../../base/errors';
import { FencedError } from '../errors';

/** The call was certainly not carried out: nobody listens, or etcd turned it away. */
export class UnreachedError extends UnavailableError {}

/** What a call to etcd threw, as the error that the store's contract names. */
export function castError(error: unknown, endpoints: string): GilliamError {
  if (error instanceof GilliamError) return error;
  const message = messageOf(error);
  const options = { cause: error };
  if (error instanceof ClientClosedError) return new CancelledError('the store is closed', options);
  if (error instanceof EtcdLeaseInvalidError)
    return new FencedError('the lease of the write is over: take a new one', options);
  if (error instanceof GRPCOutOfRangeError) {
    if (message.includes('compacted'))
      return new CompactedError('the revision is no longer kept: list again', options);
    if (message.includes('future'))
      return new CompactedError(
        'the revision is none of this store, which may have been restored: list again',
        options,
      );
    return new InternalError(message, options);
  }
  if (error instanceof GRPCResourceExhastedError) return castExhausted(message, endpoints, options);
  if (error instanceof GRPCInvalidArgumentError && message.includes('too large'))
    return new InvalidError('the write is too large for etcd: at most 1 MiB at once', [], options);
  if (error instanceof GRPCInvalidArgumentError && message.includes('too many operations'))
    return new PreconditionError(
      `etcd at ${endpoints} takes fewer writes at once than are needed: start it with --max-txn-ops=1024`,
      options,
    );
  if (isCallersFault(error))
    return new InternalError(`etcd at ${endpoints} refuses a call: ${message}`, options);
  const unavailable = (why: string) => `etcd does not answer at ${endpoints} (${why}): is it running?`;
  if (/ECONNREFUSED|No connection established/.test(message))
    return new UnreachedError(unavailable('cannot connect'), options);
  if (error instanceof GRPCDeadlineExceededError)
    return new UnavailableError(unavailable('no reply in time'), options);
  return new UnavailableError(unavailable(cleaned(message)), options);
}

function castExhausted(message: string, endpoints: string, options: ErrorOptions): GilliamError {
  if (message.includes('space exceeded'))
    return new ExhaustedError(
      `etcd at ${endpoints} is full: compact and defragment it, or raise --quota-backend-bytes, then "etcdctl alarm disarm"`,
      options,
    );
  return new UnreachedError(`etcd at ${endpoints} takes no more requests now: try again later`, options);
}

function isCallersFault(error: unknown): boolean {
  return (
    error instanceof GRPCInvalidArgumentError ||
    error instanceof GRPCFailedPreconditionError ||
    error instanceof GRPCNotImplementedError ||
    error instanceof GRPCUnauthenticatedError ||
    error instanceof EtcdPermissionDeniedError ||
    error instanceof EtcdInvalidAuthTokenError ||
    error instanceof EtcdAuthenticationFailedError ||
    // Neither an answer of etcd nor of gRPC: a fault of the program.
    (error instanceof TypeError && !(error instanceof GRPCGenericError))
  );
}

/** Without the class and code that gRPC puts in front. */
function cleaned(message: string): string {
  return message.replace(/^(\w+Error: )?(\d+ [A-Z_]+: )?/, '').split('\n')[0] ?? message;
}
