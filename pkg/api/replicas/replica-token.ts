import { createHmac } from 'node:crypto';
import type { Tokens } from '../authenticator';

/**
 * By what control planes of one stage know each other: made of both tokens, of which users have one, executors the
 * other, and only control planes the two.
 */
export function replicaToken({ user, executor }: Tokens): string {
  return createHmac('sha256', executor).update(`gilliam replica\0${user}`).digest('hex');
}
