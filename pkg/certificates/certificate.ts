import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;

/** A certificate and its key, in PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface CertificateRequest {
  /** What people call it: its common name. */
  readonly title: string;
  readonly now: Date;
  readonly days: number;
}

export interface ServerCertificateRequest extends CertificateRequest {
  /** Host names, which may begin with `*.`, and addresses. */
  readonly hosts: readonly string[];
}

/** An authority that signs certificates of servers, and no other authorities. */
export async function makeAuthority({ title, now, days }: CertificateRequest): Promise<KeyPair> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: nameOf(title),
      ...validity(now, days),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    // Node's own is the same interface under another name.
    webcrypto,
  );
  return pairOf(certificate, keys);
}

/** A certificate by which servers are known at the hosts, signed by the authority; without one by itself. */
export async function makeServerCertificate(
  { title, hosts, now, days }: ServerCertificateRequest,
  authority?: KeyPair,
): Promise<KeyPair> {
  const keys = await newKeys();
  const names = hosts.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value }));
  const request = {
    ...validity(now, days),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.SubjectAlternativeNameExtension(names),
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ],
  };
  if (!authority) {
    const own = { ...request, name: nameOf(title), keys };
    return pairOf(await x509.X509CertificateGenerator.createSelfSigned(own, webcrypto), keys);
  }
  const issuer = new x509.X509Certificate(authority.certificate);
  const identifier = await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      ...request,
      extensions: [...request.extensions, identifier],
      subject: nameOf(title),
      issuer: issuer.subjectName,
      publicKey: keys.publicKey,
      signingKey: await readKey(authority.privateKey),
    },
    webcrypto,
  );
  return pairOf(certificate, keys);
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

function nameOf(title: string): x509.Name {
  return new x509.Name([{ CN: [title] }]);
}

/** From an hour ago: clocks of clients differ. */
function validity(now: Date, days: number) {
  return {
    notBefore: new Date(now.getTime() - 3_600_000),
    notAfter: new Date(now.getTime() + days * dayMs),
  };
}

function readKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [key] = x509.PemConverter.decode(pem);
  return webcrypto.subtle.importKey('pkcs8', key as ArrayBuffer, algorithm, false, ['sign']);
}

async function pairOf(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<KeyPair> {
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: `${certificate.toString('pem')}\n`,
    privateKey: `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n`,
  };
}
