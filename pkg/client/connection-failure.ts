import { DeadlineError, UnavailableError } from '../base/errors';
import { isFromServer } from './status';

export interface ConnectionFailure {
  /** As the system or TLS says it: `connect ECONNREFUSED 10.0.0.1:4410`. */
  readonly reason: string;
  /** Somebody answered, whose certificate is not one that is trusted, or for another address. */
  readonly certificate: boolean;
}

/** Why no connection came about, of a call that failed for that. */
export function connectionFailure({ cause, message }: UnavailableError): ConnectionFailure {
  const { details } = (cause ?? {}) as { readonly details?: unknown };
  const reason = reasonIn(typeof details === 'string' ? details : message);
  return { reason, certificate: /certificate|altname|issuer|TLS|SSL/i.test(reason) };
}

/** `connect ECONNREFUSED 10.0.0.1:4410` of `No connection established. Last error: Error: connect … Resolution note: ` */
export function reasonIn(details: string): string {
  const last = /Last error: (.*)$/s.exec(details)?.[1] ?? details;
  return last
    .replace(/\s*Resolution note:.*$/s, '')
    .replace(/ \(\d{4}-.*\)$/s, '')
    .replace(/^Error: /, '')
    .replace(/\.$/, '');
}

/** Whether nobody has answered: what a control plane says of others that do not is its answer. */
export function isUnanswered(error: unknown): boolean {
  if (!(error instanceof UnavailableError || error instanceof DeadlineError)) return false;
  return !isFromServer(error.cause ?? {});
}
