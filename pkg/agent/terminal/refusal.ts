import { messageOf } from '../../base/errors';
import { DriverError } from '../driver-errors';

/**
 * What a shell would exit with for a command that cannot be run: 127 for one that is not there, 126 for one that is no
 * program, 125 when it was never tried.
 */
export function codeOf(reason: string, message: string): number {
  if (reason !== 'BadCommand') return 125;
  return /permission denied|is a directory|exec format/.test(message) ? 126 : 127;
}

/** As codeOf, of what a driver has thrown, and why. */
export function refusalOf(error: unknown): { readonly code: number; readonly message: string } {
  const message = messageOf(error);
  return { code: error instanceof DriverError ? codeOf(error.reason, message) : 125, message };
}
