import type { UnavailableError } from '../base/errors';

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

/** gRPC's words around it left out. */
export function reasonIn(details: string): string {
  return /Last error: (.*?)(?: \(\d{4}-.*\))?$/s.exec(details)?.[1] ?? details;
}
