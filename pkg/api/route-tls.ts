import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { InvalidError, messageOf } from '../base/errors';
import {
  certificateName,
  covers,
  developmentTls,
  fingerprintOf,
  renewalOf,
} from '../certificates/route-certificate';
import type { RouteTls } from '../gen/gilliam/v1/route';
import { quote } from '../resource/names';
import type { Pattern } from '../routing/types';

const maxBytes = 64 * 1024;
const maxCertificates = 10;
const minRsaBits = 2_048;

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
  const name = nameOf(host);
  if (asked.development) {
    if (asked.privateKey !== '') {
      throw invalid('private_key', 'a development certificate is made with its key: leave the key out');
    }
    const kept = before?.development ? chainOf(before.certificate)[0] : undefined;
    if (before && kept && covers(kept, name) && renewalOf(kept) > now) return before;
    return developmentTls(name, now);
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

function nameOf(host: Pattern): string {
  const name = certificateName(host);
  if (name !== undefined) return name;
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

function day(text: string): string {
  return new Date(text).toISOString().slice(0, 10);
}

function invalid(part: string, description: string): InvalidError {
  return new InvalidError(description, [
    { field: part ? `route.spec.tls.${part}` : 'route.spec.tls', description },
  ]);
}
