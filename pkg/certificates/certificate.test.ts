import { X509Certificate } from 'node:crypto';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { type KeyPair, makeAuthority, makeServerCertificate } from './certificate';

const now = new Date('2026-11-22T10:00:00Z');
const hosts = ['node-1.example.com', '10.0.0.1', '127.0.0.1', 'fd00::1'];

let authority: KeyPair;
let server: KeyPair;
beforeAll(async () => {
  authority = await makeAuthority({ title: 'Gilliam stage prod', now, days: 3_650 });
  server = await makeServerCertificate({ title: 'API', hosts, now, days: 397 }, authority);
});

test('a certificate is for its hosts, and no others', () => {
  const certificate = new X509Certificate(server.certificate);
  expect(certificate.checkHost('node-1.example.com')).toBeDefined();
  for (const address of ['10.0.0.1', '127.0.0.1', 'fd00::1'])
    expect(certificate.checkIP(address)).toBeDefined();
  expect(certificate.checkHost('node-2.example.com')).toBeUndefined();
  expect(certificate.checkIP('10.0.0.2')).toBeUndefined();
});

test('it is signed by its authority, which is one, and is none itself', () => {
  const [ca, own] = [new X509Certificate(authority.certificate), new X509Certificate(server.certificate)];
  expect([ca.ca, own.ca]).toEqual([true, false]);
  expect(own.verify(ca.publicKey)).toBe(true);
  expect(own.checkIssued(ca)).toBe(true);
  expect(ca.subject).toBe('CN=Gilliam stage prod');
});

test('it is good from an hour before now, for its days', () => {
  const { validFrom, validTo } = new X509Certificate(server.certificate);
  expect(new Date(validFrom)).toEqual(new Date('2026-11-22T09:00:00Z'));
  expect(new Date(validTo)).toEqual(new Date('2027-12-24T10:00:00Z'));
});

test.each<[string, (other: KeyPair) => string, string | undefined]>([
  ['the authority', () => authority.certificate, undefined],
  ['another of the same name', (other) => other.certificate, 'certificate'],
])('a client that trusts %s', async (_, trusted, problem) => {
  const other = await makeAuthority({ title: 'Gilliam stage prod', now, days: 3_650 });
  const fresh = { title: 'API', hosts: ['127.0.0.1'], now: new Date(), days: 1 };
  const own = await makeServerCertificate(fresh, authority);
  const listener = createServer({ cert: own.certificate, key: own.privateKey }, (socket) => socket.end());
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as { port: number };
  const outcome = await new Promise<string | undefined>((resolve) => {
    const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca: trusted(other) }, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error: Error) => resolve(error.message));
  });
  await new Promise((resolve) => listener.close(resolve));
  if (problem === undefined) expect(outcome).toBeUndefined();
  else expect(outcome).toContain(problem);
});
