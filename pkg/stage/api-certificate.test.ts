import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureApiCertificate, renewApiCertificate } from './api-certificate';
import { pathsIn, type TlsPaths } from './paths';

const dayMs = 86_400_000;
const start = new Date('2026-11-22T10:00:00Z');
const after = (days: number) => new Date(start.getTime() + days * dayMs);
const identity = { stage: 'prod', address: 'node-1.example.com' };

let directory: string;
let tls: TlsPaths;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gilliam-tls-'));
  tls = pathsIn(directory, 'prod').tls;
});
afterEach(() => rmSync(directory, { recursive: true }));

const read = (path: string) => readFileSync(path, 'utf8');
const shown = () => new X509Certificate(read(tls.certificate));

test('an authority and a certificate for the address and for loopback, readable by their owner only', async () => {
  expect(await ensureApiCertificate(tls, identity, start)).toBe(true);
  expect(shown().subjectAltName).toBe('DNS:node-1.example.com, DNS:localhost, IP Address:127.0.0.1');
  expect(shown().verify(new X509Certificate(read(tls.ca)).publicKey)).toBe(true);
  expect(new X509Certificate(read(tls.ca)).subject).toBe('CN=Gilliam stage prod');
  for (const path of Object.values(tls) as string[]) expect(statSync(path).mode & 0o777).toBe(0o600);
});

describe('what is there', () => {
  let ca: string;
  let certificate: string;
  beforeEach(async () => {
    await ensureApiCertificate(tls, identity, start);
    [ca, certificate] = [read(tls.ca), read(tls.certificate)];
  });

  test('is kept while it is good', async () => {
    expect(await ensureApiCertificate(tls, identity, after(330))).toBe(false);
    expect(await renewApiCertificate(tls, after(330))).toBe(false);
    expect(read(tls.certificate)).toBe(certificate);
  });

  test.each<[string, () => Promise<boolean>]>([
    ['two months before its end', () => ensureApiCertificate(tls, identity, after(340))],
    ['by the control plane as well', () => renewApiCertificate(tls, after(340))],
    ['for another address', () => ensureApiCertificate(tls, { ...identity, address: '10.0.0.1' }, start)],
    [
      'where its key is another',
      () => {
        writeFileSync(tls.key, read(tls.caKey));
        return ensureApiCertificate(tls, identity, start);
      },
    ],
  ])('is replaced by one of the same authority: %s', async (_, replace) => {
    expect(await replace()).toBe(true);
    expect([read(tls.ca), read(tls.certificate) === certificate]).toEqual([ca, false]);
    expect(shown().verify(new X509Certificate(ca).publicKey)).toBe(true);
  });

  test('is for the same names when the control plane renews it', async () => {
    const names = shown().subjectAltName;
    await renewApiCertificate(tls, after(340));
    expect(shown().subjectAltName).toBe(names);
    expect(shown().subject).toBe('CN=API of Gilliam stage prod');
  });
});
