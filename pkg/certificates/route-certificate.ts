import { createHash, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { RouteTls } from '../gen/gilliam/v1/route';
import type { Pattern } from '../routing/types';
import { developmentCertificate } from './development-certificate';

/** `*.api.myapp.com` for a host whose first label is a variable; undefined for one that no certificate is for. */
export function certificateName({ exact, prefix, parts }: Pattern): string | undefined {
  if (exact) return prefix;
  const [first, rest, ...others] = parts;
  const isWildcard =
    first?.kind === 'variable' &&
    rest?.kind === 'text' &&
    others.length === 0 &&
    /^\.[^.]+\./.test(rest.text);
  return isWildcard ? `*${rest.text}` : undefined;
}

export function covers(leaf: X509Certificate, name: string): boolean {
  if (isIP(name)) return leaf.checkIP(name) !== undefined;
  // Any label that nobody names: only a wildcard is for it.
  return leaf.checkHost(name.replace(/^\*/, 'x--any--x'), { subject: 'never' }) !== undefined;
}

/** SHA-256, in hexadecimal. */
export function fingerprintOf(leaf: X509Certificate): string {
  return createHash('sha256').update(leaf.raw).digest('hex');
}

/** A certificate for development as a route keeps it. */
export async function developmentTls(name: string, now: Date): Promise<RouteTls> {
  const made = await developmentCertificate(name, now);
  return { ...made, development: true, fingerprint: fingerprintOf(new X509Certificate(made.certificate)) };
}

/** When a certificate is to give way to the next: at two thirds of its life, so that a third is left to notice failures. */
export function renewalOf(leaf: X509Certificate): Date {
  const begin = Date.parse(leaf.validFrom);
  return new Date(begin + ((Date.parse(leaf.validTo) - begin) * 2) / 3);
}
