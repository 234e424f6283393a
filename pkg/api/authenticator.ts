import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { DeniedError, PreconditionError, UnauthenticatedError } from '../base/errors';
import { replicaToken } from './replicas/replica-token';

export interface Tokens {
  /** For the CLI and other clients: everything but what executors call. */
  readonly user: string;
  /** For executors: what executors call, and nothing else. */
  readonly executor: string;
}

/** Whose token a service asks for. */
export type Audience = 'user' | 'executor' | 'replica' | 'either' | 'anybody';

/** Tells by the bearer token who calls. */
export class Authenticator {
  readonly #digests: Readonly<Record<'user' | 'executor' | 'replica', Buffer>>;

  constructor(tokens: Tokens) {
    if (!tokens.user || !tokens.executor || tokens.user === tokens.executor) {
      throw new PreconditionError(
        'the user token and the executor token have to be there and to differ: make the stage again with gilliam up',
      );
    }
    const { user, executor } = tokens;
    this.#digests = {
      user: digest(user),
      executor: digest(executor),
      replica: digest(replicaToken(tokens)),
    };
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
    const replica = timingSafeEqual(given, this.#digests.replica);
    if (!user && !executor && !replica) {
      throw new UnauthenticatedError(
        "the token is not this stage's: is the stage file of another or an older stage?",
      );
    }
    const right = { user, executor, replica, either: user || executor }[audience];
    if (right) return;
    if (audience === 'replica') throw new DeniedError('this call is for control planes among themselves');
    const is = user ? 'user token' : executor ? 'executor token' : 'token of its control planes';
    const asked = audience === 'either' ? "one of the stage's tokens" : `the stage's ${audience} token`;
    throw new DeniedError(`this call asks for ${asked}, and the ${is} was given`);
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
