import { InvalidError } from '../base/errors';
import { prepare } from '../store/transaction';
import type { Part } from './route-store';

/** That it fits into one transaction, before anything is promised. Throws InvalidError, saying what is too much and `advice`. */
export function checkSize({ writes, guards }: Part, what: string, advice: string): void {
  try {
    prepare(writes, guards);
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    throw new InvalidError(`${what} is too much for one step: ${error.message}: ${advice}`, [], {
      cause: error,
    });
  }
}
