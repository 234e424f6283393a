/**
 * Errors are few, and named for what the catcher must do. Each carries one line for a person: what, why, what to do.
 * pkg/api maps them to gRPC codes and back in one place.
 */
export abstract class GilliamError extends Error {
  /** For programs; stable. */
  abstract readonly code: string;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean = false;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** One field of a request that is not as it must be. */
export interface FieldViolation {
  /** The path in the request: `spec.config.PORT`. */
  readonly field: string;
  /** What is wrong, and what is allowed. */
  readonly description: string;
}

/** The request is wrong whatever the state of the stage: mend it. */
export class InvalidError extends GilliamError {
  readonly code = 'INVALID_ARGUMENT';

  constructor(
    message: string,
    readonly violations: readonly FieldViolation[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What is named does not exist. */
export class NotFoundError extends GilliamError {
  readonly code = 'NOT_FOUND';
}

/** What is to be created exists. */
export class ExistsError extends GilliamError {
  readonly code = 'ALREADY_EXISTS';
}

/** Somebody else changed the object first: read it again, decide again. */
export class ConflictError extends GilliamError {
  readonly code = 'ABORTED';
}

/** The request is sound, but the stage's state does not allow it: change that first. */
export class PreconditionError extends GilliamError {
  readonly code = 'FAILED_PRECONDITION';
}

/** A limit is reached. */
export class ExhaustedError extends GilliamError {
  readonly code = 'RESOURCE_EXHAUSTED';
}

/** No token, or a wrong one. */
export class UnauthenticatedError extends GilliamError {
  readonly code = 'UNAUTHENTICATED';
}

/** The token does not allow this. */
export class DeniedError extends GilliamError {
  readonly code = 'PERMISSION_DENIED';
}

/** A watch or list asks for a revision that is no longer kept: list again. */
export class CompactedError extends GilliamError {
  readonly code = 'OUT_OF_RANGE';
}

/** A part does not answer: try again, with back-off. The call may or may not have been carried out. */
export class UnavailableError extends GilliamError {
  readonly code = 'UNAVAILABLE';
  override readonly retryable = true;
}

/** The deadline passed. The call may or may not have been carried out. */
export class DeadlineError extends GilliamError {
  readonly code = 'DEADLINE_EXCEEDED';
  override readonly retryable = true;
}

/** The caller has asked to stop. */
export class CancelledError extends GilliamError {
  readonly code = 'CANCELLED';
}

/** A fault of Gilliam itself. */
export class InternalError extends GilliamError {
  readonly code = 'INTERNAL';
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
