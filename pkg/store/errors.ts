import { GilliamError } from '../base/errors';

/** The leadership or the lease on which a write stands is over: step down. Nothing was written. */
export class FencedError extends GilliamError {
  readonly code = 'FENCED';
}
