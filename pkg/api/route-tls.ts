import { createHash, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { InvalidError, messageOf } from '../base/errors';
import type { RouteTls } from '../gen/gilliam/v1/route';
import { quote } from '../resource/names';
import type { Pattern } from '../routing/types';
import { developmentCertificate } from './development-certificate';

const maxBytes = 64 * 1024;
const maxCertificates = 10;
const minRsaBits = 2_048;
/** One for development that ends sooner is made anew when its route is asked for again. */
const renewBeforeMs = 60 * 86_400_000;

/** What a route's certificate is checked against. */
export interface TlsContext {
  /** The pattern's. */
  readonly host: Pattern;
  readonly now: Date;
  /** The route's as it is in the store: its key stays where the certificate does and no key is given. */
  readonly before?: RouteTls;
}

/** The certificate as it is kept: checked, in one form, with its key and fingerprint. Throws InvalidError. */
export async function prepareTls(asked: RouteTls, context: TlsContext): Promise<RouteTls> {
  const { host, now, before } = context;
  const name = certificateName(host);
  if (asked.development) {
    if (asked.privateKey !== '') {
      throw invalid('private_key', 'a development certificate is made with its key: leave the key out');
    }
    const kept = before?.development ? chainOf(before.certificate)[0] : undefined;
    const leftMs = kept ? Date.parse(kept.validTo) - now.getTime() : 0;
    if (before && kept && covers(kept, name) && leftMs > renewBeforeMs) return before;
    const made = await developmentCertificate(name, now);
    return { ...made, development: true, fingerprint: fingerprintOf(new X509Certificate(made.certificate)) };
  }
  if (asked.certificate === '') {
    throw invalid(
      'certificate',
      'the certificate is missing: give it in PEM with its key, or ask for a development one',
    );
  }
  const chain = chainOf(asked.certificate);
  const [leaf] = chain;
  if (!leaf)
    throw invalid('certificate', 'the certificate is not PEM: it begins with -----BEGIN CERTIFICATE-----');
  checkLeaf(leaf, name, now);
  const fingerprint = fingerprintOf(leaf);
  const sameAsBefore = asked.privateKey === '' && before?.fingerprint === fingerprint;
  const key = readKey(sameAsBefore ? before.privateKey : asked.privateKey);
  if (!leaf.checkPrivateKey(key)) {
    throw invalid(
      'private_key',
      'the private key is not that of the certificate: give the two that belong together',
    );
  }
  return {
    certificate: chain.map(String).join(''),
    privateKey: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    development: false,
    fingerprint,
  };
}

/** As it may be seen: without the key. */
export function withoutKey(tls: RouteTls): RouteTls {
  return { ...tls, privateKey: '' };
}

/** `*.api.myapp.com` for a host whose first label is a variable. */
function certificateName({ exact, prefix, parts }: Pattern): string {
  if (exact) return prefix;
  const [first, rest, ...others] = parts;
  if (
    first?.kind === 'variable' &&
    rest?.kind === 'text' &&
    others.length === 0 &&
    /^\.[^.]+\./.test(rest.text)
  ) {
    return `*${rest.text}`;
  }
  throw invalid(
    '',
    'no certificate is for such a host: of a host with TLS at most the whole first label may be a variable',
  );
}

function checkLeaf(leaf: X509Certificate, name: string, now: Date): void {
  if (Date.parse(leaf.validTo) <= now.getTime()) {
    throw invalid('certificate', `the certificate has expired on ${day(leaf.validTo)}: give a new one`);
  }
  if (!covers(leaf, name)) {
    const names = leaf.subjectAltName ?? 'no names';
    throw invalid(
      'certificate',
      `the certificate is not for ${quote(name)}: it is for ${names.slice(0, 200)}`,
    );
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = leaf.publicKey;
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) < minRsaBits) {
    throw invalid(
      'certificate',
      `the certificate's key is too short: RSA asks for ${minRsaBits} bits at least`,
    );
  }
}

function covers(leaf: X509Certificate, name: string): boolean {
  if (isIP(name)) return leaf.checkIP(name) !== undefined;
  // Any label that nobody names: only a wildcard is for it.
  return leaf.checkHost(name.replace(/^\*/, 'x--any--x'), { subject: 'never' }) !== undefined;
}

function chainOf(pem: string): readonly X509Certificate[] {
  if (pem.length > maxBytes) throw invalid('certificate', 'the certificate is larger than 64 KiB');
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length > maxCertificates) {
    throw invalid('certificate', `the certificate has ${blocks.length} parts: at most ${maxCertificates}`);
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw invalid('certificate', `the certificate cannot be read: ${messageOf(error)}`);
  }
}

function readKey(pem: string): KeyObject {
  if (pem === '')
    throw invalid('private_key', 'the private key is missing: give it in PEM with the certificate');
  if (pem.length > maxBytes) throw invalid('private_key', 'the private key is larger than 64 KiB');
  try {
    return createPrivateKey(pem);
  } catch {
    // What the parser says might tell of the key.
    throw invalid('private_key', 'the private key cannot be read: give it in PEM, without a passphrase');
  }
}

function fingerprintOf(leaf: X509Certificate): string {
  return createHash('sha256').update(leaf.raw).digest('hex');
}

function day(text: string): string {
  return new Date(text).toISOString().slice(0, 10);
}

function invalid(part: string, description: string): InvalidError {
  return new InvalidError(description, [
    { field: part ? `route.spec.tls.${part}` : 'route.spec.tls', description },
  ]);
}
