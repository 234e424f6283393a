import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type KeyPair, makeAuthority, makeServerCertificate } from '../certificates/certificate';
import type { TlsPaths } from './paths';
import { writePrivateFile } from './private-file';

/** As long as a stage may well live: machines that have joined trust this one and no other. */
const authorityDays = 20 * 365;
/** As long as clients take any certificate for. */
const certificateDays = 397;
const renewBeforeMs = 60 * 86_400_000;

/** By what the API is known that is here and open to other machines. */
export interface ApiIdentity {
  readonly stage: string;
  /** At which others reach it. */
  readonly address: string;
}

/**
 * The stage's authority and the API's certificate: made where they are missing, the certificate also where it is for
 * another address or ends within 60 days. Whether anything was made.
 */
export async function ensureApiCertificate(
  tls: TlsPaths,
  identity: ApiIdentity,
  now: Date,
): Promise<boolean> {
  const { stage, address } = identity;
  const hosts = [address, 'localhost', '127.0.0.1'];
  const authority = readPair(tls.ca, tls.caKey);
  if (authority && isGood(readPair(tls.certificate, tls.key), authority, hosts, now)) return false;
  const signer = authority ?? (await newAuthority(tls, stage, now));
  const request = { title: `API of Gilliam stage ${stage}`, hosts, now, days: certificateDays };
  writePair(await makeServerCertificate(request, signer), tls.certificate, tls.key);
  return true;
}

/** Makes the API's certificate anew, for the same names, when it ends within 60 days. Whether it did. */
export async function renewApiCertificate(tls: TlsPaths, now: Date): Promise<boolean> {
  const authority = readPair(tls.ca, tls.caKey);
  const certificate = new X509Certificate(readFileSync(tls.certificate));
  if (!authority || !endsSoon(certificate, now)) return false;
  const title = certificate.subject.replace(/^CN=/, '');
  const hosts = namesOf(certificate);
  const made = await makeServerCertificate({ title, hosts, now, days: certificateDays }, authority);
  writePair(made, tls.certificate, tls.key);
  return true;
}

async function newAuthority(tls: TlsPaths, stage: string, now: Date): Promise<KeyPair> {
  const made = await makeAuthority({ title: `Gilliam stage ${stage}`, now, days: authorityDays });
  writePair(made, tls.ca, tls.caKey);
  return made;
}

function isGood(pair: KeyPair | undefined, authority: KeyPair, hosts: readonly string[], now: Date): boolean {
  if (!pair) return false;
  const certificate = new X509Certificate(pair.certificate);
  return (
    certificate.checkPrivateKey(createPrivateKey(pair.privateKey)) &&
    certificate.verify(new X509Certificate(authority.certificate).publicKey) &&
    hosts.every((host) => covers(certificate, host)) &&
    !endsSoon(certificate, now)
  );
}

function covers(certificate: X509Certificate, host: string): boolean {
  const found = isIP(host)
    ? certificate.checkIP(host)
    : certificate.checkHost(host, { subject: 'never', wildcards: false });
  return found !== undefined;
}

function endsSoon({ validTo }: X509Certificate, now: Date): boolean {
  return Date.parse(validTo) - now.getTime() < renewBeforeMs;
}

/** `DNS:localhost, IP Address:127.0.0.1` */
function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName.split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
}

/** Undefined unless both are there. */
function readPair(certificate: string, key: string): KeyPair | undefined {
  if (!existsSync(certificate) || !existsSync(key)) return undefined;
  return { certificate: readFileSync(certificate, 'utf8'), privateKey: readFileSync(key, 'utf8') };
}

/** A crash in between leaves two that do not belong together, which is seen the next time. */
function writePair(pair: KeyPair, certificate: string, key: string): void {
  writePrivateFile(key, pair.privateKey);
  writePrivateFile(certificate, pair.certificate);
}
