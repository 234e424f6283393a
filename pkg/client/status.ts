import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import {
  CancelledError,
  CompactedError,
  ConflictError,
  DeadlineError,
  DeniedError,
  ExhaustedError,
  ExistsError,
  type FieldViolation,
  GilliamError,
  InternalError,
  InvalidError,
  NotFoundError,
  PreconditionError,
  UnauthenticatedError,
  UnavailableError,
  messageOf,
} from '../base/errors';
import { BadRequest, ErrorInfo } from '../gen/google/rpc/error_details';
import { Status } from '../gen/google/rpc/status';

/**
 * GilliamError ↔ gRPC status, the only place that knows both. The status carries a `google.rpc.Status` with an
 * ErrorInfo (which class it was) and, of an InvalidError, a BadRequest (which fields), so that programs in any
 * language can read it and our own client gets back the error that was thrown.
 */
const detailsKey = 'grpc-status-details-bin';
const domain = 'gilliam';
const typePrefix = 'type.googleapis.com/google.rpc.';

// Trailers are small (8 KiB with many proxies): what does not fit is cut, and the message still says the first.
const maxViolations = 16;
const maxDescriptionChars = 240;

const classes: readonly (new (message: string, options?: ErrorOptions) => GilliamError)[] = [
  NotFoundError,
  ExistsError,
  ConflictError,
  PreconditionError,
  ExhaustedError,
  UnauthenticatedError,
  DeniedError,
  CompactedError,
  UnavailableError,
  DeadlineError,
  CancelledError,
  InternalError,
];
const byCode = new Map(classes.map((type) => [new type('').code, type]));

/** The gRPC status of whatever was thrown. What is no GilliamError is a fault of ours: INTERNAL. */
export function toStatus(thrown: unknown): StatusObject {
  const error = asGilliamError(thrown);
  const code = status[error.code as keyof typeof status] ?? status.INTERNAL;
  const message = error.message;
  const details = [
    {
      typeUrl: `${typePrefix}ErrorInfo`,
      value: Buffer.from(ErrorInfo.encode({ reason: error.code, domain, metadata: {} }).finish()),
    },
  ];
  if (error instanceof InvalidError && error.violations.length > 0) {
    const fieldViolations = error.violations.slice(0, maxViolations).map(({ field, description }) => ({
      field,
      description: cut(description, maxDescriptionChars),
      reason: '',
      localizedMessage: undefined,
    }));
    const value = Buffer.from(BadRequest.encode({ fieldViolations }).finish());
    details.push({ typeUrl: `${typePrefix}BadRequest`, value });
  }
  const metadata = new Metadata();
  metadata.set(
    detailsKey,
    Buffer.from(Status.encode({ code, message: cut(message, 1024), details }).finish()),
  );
  return { code, details: cut(message, 4096), metadata };
}

/** The error that a gRPC status stands for: the one that `toStatus` was given, where our server answered. */
export function fromStatus(
  answer: Pick<StatusObject, 'code' | 'details'> & Partial<StatusObject>,
): GilliamError {
  const sent = readDetails(answer.metadata);
  const name = sent?.reason ?? status[answer.code];
  const message = answer.details || name;
  const options = { cause: answer };
  if (name === 'INVALID_ARGUMENT') return new InvalidError(message, sent?.violations, options);
  const type = byCode.get(name) ?? InternalError;
  return new type(message, options);
}

/** Whether the status was made by a Gilliam server, not by the transport. */
export function isFromServer(answer: Partial<StatusObject>): boolean {
  return readDetails(answer.metadata) !== undefined;
}

function readDetails(metadata: Metadata | undefined) {
  const bytes = metadata?.get(detailsKey)[0];
  if (!(bytes instanceof Buffer)) return undefined;
  try {
    let reason: string | undefined;
    let violations: readonly FieldViolation[] = [];
    for (const any of Status.decode(bytes).details) {
      if (any.typeUrl === `${typePrefix}ErrorInfo`) {
        const info = ErrorInfo.decode(any.value);
        if (info.domain === domain) reason = info.reason;
      } else if (any.typeUrl === `${typePrefix}BadRequest`) {
        violations = BadRequest.decode(any.value).fieldViolations.map(({ field, description }) => ({
          field,
          description,
        }));
      }
    }
    return reason === undefined ? undefined : { reason, violations };
  } catch {
    // Details of somebody else's making: the code and the message have to do.
    return undefined;
  }
}

function asGilliamError(thrown: unknown): GilliamError {
  if (thrown instanceof GilliamError) return thrown;
  if ((thrown as { name?: unknown } | undefined)?.name === 'AbortError') {
    return new CancelledError('the call was cancelled', { cause: thrown });
  }
  return new InternalError(`a fault of the control plane, not of the request: ${messageOf(thrown)}`, {
    cause: thrown,
  });
}

/** The text without halves of characters, which gRPC cannot encode, and not longer than that. */
function cut(text: string, maxChars: number): string {
  const short = text.length <= maxChars ? text : `${text.slice(0, maxChars - 1)}…`;
  return Buffer.from(short).toString();
}
