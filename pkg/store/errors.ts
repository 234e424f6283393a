import { GilliamError } from '../base/errors';

/** The leadership that guards a write is over: step down. Nothing was written. */
export class FencedError extends GilliamError {
  readonly code = 'FENCED';
}
