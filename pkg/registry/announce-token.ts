import { createHmac, timingSafeEqual } from 'node:crypto';
import { isLabel } from '../resource/names';

/**
 * A token with which something outside Gilliam announces itself in one formation: `<formation>.<HMAC-SHA256, hex>`. Made of
 * the executor token, so that each node can check it alone.
 */
export function announceToken(executorToken: string, formation: string): string {
  return `${formation}.${mac(executorToken, formation).toString('hex')}`;
}

/** The formation that the token is for; undefined when it is none of this stage's. */
export function formationOfToken(executorToken: string, token: string): string | undefined {
  const [formation = '', hex = '', ...more] = token.split('.');
  if (more.length > 0 || !isLabel(formation) || !/^[0-9a-f]{64}$/.test(hex)) return undefined;
  return timingSafeEqual(Buffer.from(hex, 'hex'), mac(executorToken, formation)) ? formation : undefined;
}

function mac(executorToken: string, formation: string): Buffer {
  return createHmac('sha256', executorToken).update(`announce:${formation}`).digest();
}
