import { GilliamError } from '../../../pkg/base/errors';

/** The command line itself is wrong: exit 2. Everything else that fails is exit 1. */
export class UsageError extends GilliamError {
  readonly code = 'USAGE';
}
