import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { DeniedError, PreconditionError, UnauthenticatedError } from '../base/errors';

export interface Tokens {
  /** For the CLI and other clients: everything but what executors call. */
  readonly user: string;
  /** For executors: what executors call, and nothing else. */
  readonly executor: string;
}

/** Whose token a service asks for. */
export type Audience = 'user' | 'executor' | 'either' | 'anybody';

/** Tells by the bearer token who calls. */
export class Authenticator {
  readonly #digests: Readonly<Record<'user' | 'executor', Buffer>>;

  constructor(tokens: Tokens) {
    if (!tokens.user || !tokens.executor || tokens.user === tokens.executor) {
      throw new PreconditionError(
        'the user token and the executor token have to be there and to differ: make the stage again with gilliam up',
      );
    }
    this.#digests = { user: digest(tokens.user), executor: digest(tokens.executor) };
  }

  /** Throws unless the call's token is one of the audience. */
  check(metadata: Metadata, audience: Audience): void {
    if (audience === 'anybody') return;
    const [value] = metadata.get('authorization');
    const token = /^Bearer +(\S+)$/i.exec(String(value ?? ''))?.[1];
    if (token === undefined) {
      throw new UnauthenticatedError(
        'no token was given: send `authorization: Bearer <token of the stage file>`',
      );
    }
    // Digests have one length, and comparing them takes the same time wherever they differ.
    const given = digest(token);
    const user = timingSafeEqual(given, this.#digests.user);
    const executor = timingSafeEqual(given, this.#digests.executor);
    if (!user && !executor) {
      throw new UnauthenticatedError(
        "the token is not this stage's: is the stage file of another or an older stage?",
      );
    }
    if (audience === 'user' && !user) {
      throw new DeniedError("this call asks for the stage's user token, and the executor token was given");
    }
    if (audience === 'executor' && !executor) {
      throw new DeniedError("this call asks for the stage's executor token, and the user token was given");
    }
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
