import { type KeyPair, makeAuthority, makeServerCertificate } from '../certificates/certificate';
import { connect } from '../client/client';
import { ApiHarness, eventually } from '../testing/api-harness';
import { SessionClient } from '../testing/session-client';
import { checkInvitation, checkVersions, type Candidate } from './check-invitation';
import type { Invitation } from './invitation';

const now = new Date();
let api: ApiHarness;
let executor: SessionClient;
let authority: KeyPair;
let stranger: KeyPair;
let invitation: Invitation;
beforeAll(async () => {
  const request = { title: 'stage', now, days: 1 };
  [authority, stranger] = await Promise.all([makeAuthority(request), makeAuthority(request)]);
  const request2 = { title: 'API', hosts: ['127.0.0.1'], now, days: 1 };
  const { certificate, privateKey } = await makeServerCertificate(request2, authority);
  api = await ApiHarness.start();
  await api.stopServer();
  await api.startServer({ listen: { port: 0, tls: { certificate, key: privateKey } } });
  const ca = authority.certificate;
  executor = new SessionClient(api.connect({ token: 'executor-token', ca }));
  await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'));
  await eventually(async () =>
    expect(
      (await api.connect({ token: 'executor-token', ca }).stage.getStage({ executor: 'executors/e1' }))
        .executor,
    ).toBeDefined(),
  );
  invitation = {
    ...{ stage: 'test', id: '1f2e3d4c', api: api.address, ca, token: 'executor-token' },
    ...{ baseImage: 'base', version: '1.2.3' },
  };
});
afterAll(async () => {
  await executor.abort();
  await api.close();
});

const candidate: Candidate = { name: 'e2', address: '10.0.0.2' };
const check = (change: Partial<Invitation> = {}, as: Candidate = candidate, version = '1.2.9') =>
  checkInvitation({ connect, version }, { ...invitation, ...change }, as, new AbortController().signal);

test('a machine may join, and again as what it is', async () => {
  await check();
  await check({}, { name: 'e1', address: '127.0.0.1' });
});

test.each<[string, () => Partial<Invitation>, RegExp]>([
  [
    'nobody is there',
    () => ({ api: '127.0.0.1:1' }),
    /^stage "test" cannot be reached at 127\.0\.0\.1:1 \(.*ECONNREFUSED.*firewall/,
  ],
  [
    'another authority',
    () => ({ ca: stranger.certificate }),
    /shows a certificate that is not one of stage "test" \(.+\): .*executor invite/,
  ],
  ['another token', () => ({ token: 'old' }), /refuses the token of the invitation: .*executor invite/],
  ['another stage', () => ({ stage: 'prod' }), /is stage "test", and the invitation is to "prod"/],
])('refused, with what to do: %s', async (_, change, message) => {
  await expect(check(change())).rejects.toThrow(message);
});

test('refused: a name that another machine has, and a Gilliam that does not fit', async () => {
  await expect(check({}, { name: 'e1', address: '10.0.0.2' })).rejects.toThrow(
    'stage "test" has an executor e1 already, at 127.0.0.1: choose another name with --name',
  );
  await expect(check({}, candidate, '2.0.0')).rejects.toThrow(
    'stage "test" runs Gilliam 1.2.3, and this is 2.0.0: have the same version on all machines',
  );
  expect(() => checkVersions('test', '2.0.0', '1.2.3')).toThrow('stage "test" runs Gilliam 2.0.0');
});
