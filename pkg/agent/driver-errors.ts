import { GilliamError } from '../base/errors';

/**
 * What a driver throws. Each class says what the worker does next, so that every verb can simply be called again
 * after it; `reason` is what a person reads in `ps`.
 */
export abstract class DriverError extends GilliamError {
  /** CamelCase, for programs: the status's reason. */
  abstract readonly reason: string;
}

/** The engine does not answer. The call may or may not have been carried out: look again, then try again. */
export class EngineUnavailable extends DriverError {
  readonly code = 'UNAVAILABLE';
  readonly reason = 'EngineUnavailable';
  override readonly retryable = true;
}

/** The engine failed at it for a reason that may pass (disk full, out of memory): try a few times, then give up. */
export class EngineFault extends DriverError {
  readonly code = 'INTERNAL';
  readonly reason = 'StartFailed';
  override readonly retryable = true;
}

/** The image is not in the engine's store. It may be pulled where it names a registry; else it is final. */
export class ImageMissing extends DriverError {
  readonly code = 'FAILED_PRECONDITION';
  readonly reason = 'ImageMissing';
}

/** The registry did not give the image: try again with back-off. */
export class PullFailed extends DriverError {
  readonly code = 'UNAVAILABLE';
  readonly reason = 'PullFailed';
  override readonly retryable = true;
}

/** The command cannot be executed in the image: final. */
export class BadCommand extends DriverError {
  readonly code = 'FAILED_PRECONDITION';
  readonly reason = 'BadCommand';
}

/** The engine refuses the container as it is specified: final. */
export class SpecRefused extends DriverError {
  readonly code = 'INVALID_ARGUMENT';
  readonly reason = 'StartFailed';
}

/** Something else on the host has the port: make the container again with another one. */
export class PortTaken extends DriverError {
  readonly code = 'FAILED_PRECONDITION';
  readonly reason = 'PortTaken';
  override readonly retryable = true;

  constructor(
    message: string,
    /** The host port, where the engine says which. */
    readonly port: number | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The container does not exist (any more): look again. */
export class ContainerGone extends DriverError {
  readonly code = 'NOT_FOUND';
  readonly reason = 'ContainerGone';
}

/** A container has the volume: try again when that is removed. */
export class VolumeInUse extends DriverError {
  readonly code = 'FAILED_PRECONDITION';
  readonly reason = 'VolumeInUse';
  override readonly retryable = true;
}
