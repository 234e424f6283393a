import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { DeniedError, UnauthenticatedError } from '../../base/errors';
import type { Asker } from '../access';
import { formationOfToken } from '../announce-token';
import type { Identities } from '../types';

/** Who calls, by the token. */
export type Caller =
  | { readonly kind: 'anybody'; readonly address: string }
  /** The agent of an executor, or another node. */
  | { readonly kind: 'executor' }
  | { readonly kind: 'announcer'; readonly formation: string };

/** Tells who calls. */
export class Callers {
  readonly #token: string;
  readonly #digest: Buffer;

  constructor(executorToken: string) {
    this.#token = executorToken;
    this.#digest = digest(executorToken);
  }

  /** Throws UnauthenticatedError for a token that is none of this stage's. */
  callerOf(request: IncomingMessage): Caller {
    const header = request.headers.authorization;
    if (header === undefined) return { kind: 'anybody', address: request.socket.remoteAddress ?? '' };
    const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
    if (token !== undefined) {
      if (timingSafeEqual(digest(token), this.#digest)) return { kind: 'executor' };
      const formation = formationOfToken(this.#token, token);
      if (formation !== undefined) return { kind: 'announcer', formation };
    }
    throw new UnauthenticatedError(
      "the token is none of this stage's: send `authorization: Bearer <token>`, with a token of a formation made for announcing",
    );
  }
}

/** Throws unless the caller has the executor token. */
export function requireExecutor(caller: Caller): void {
  if (caller.kind === 'executor') return;
  if (caller.kind === 'anybody') throw noToken();
  throw new DeniedError("this asks for the stage's executor token, and that of a formation was given");
}

/** Throws unless the caller may announce in the formation. Answers whose word it is. */
export function requireAnnouncer(caller: Caller, formation: string): 'agent' | 'external' {
  if (caller.kind === 'executor') return 'agent';
  if (caller.kind === 'anybody') throw noToken();
  if (caller.formation === formation) return 'external';
  throw new DeniedError(`the token is for the formation ${caller.formation}, and not for ${formation}`);
}

/** For whom a name is looked up. Of whom nothing is said by a token, his address may tell. */
export function askerOf({ socket }: IncomingMessage, caller: Caller, identities: Identities): Asker {
  switch (caller.kind) {
    case 'executor':
      return 'machine';
    case 'announcer':
      return { formation: caller.formation };
    case 'anybody':
      // Who comes from the address that he has called is on this machine.
      return (
        identities.identify(caller.address) ??
        (caller.address === socket.localAddress ? 'machine' : undefined)
      );
  }
}

function noToken(): UnauthenticatedError {
  return new UnauthenticatedError(
    'no token was given: send `authorization: Bearer <token>`, with a token of the formation made for announcing',
  );
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
