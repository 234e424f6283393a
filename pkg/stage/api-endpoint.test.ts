import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidError } from '../base/errors';
import { apiEndpoint, apiListeners } from './api-endpoint';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gilliam-endpoint-'));
  for (const name of ['ca', 'cert', 'key']) writeFileSync(join(directory, name), name.toUpperCase());
});
afterAll(() => rmSync(directory, { recursive: true }));

const of = (values: Readonly<Record<string, string>>) => (name: string, otherwise?: string) =>
  values[name] ?? otherwise ?? '';
const path = (name: string) => join(directory, name);

test('one address, several, and whom to trust', () => {
  expect(apiEndpoint(of({ GILLIAM_API: 'a:1,b:2' }))).toEqual({ address: 'a:1,b:2' });
  expect(apiEndpoint(of({ GILLIAM_API: 'a:1', GILLIAM_CA_FILE: path('ca') }))).toEqual({
    address: 'a:1',
    ca: 'CA',
  });
});

const pair = () => ({ GILLIAM_TLS_CERTIFICATE_FILE: path('cert'), GILLIAM_TLS_KEY_FILE: path('key') });

test('where to listen', () => {
  expect(apiListeners(of({ GILLIAM_LISTEN: '127.0.0.1:4410' }))).toEqual([{ host: '127.0.0.1', port: 4410 }]);
  const tls = { certificate: 'CERT', key: 'KEY' };
  expect(apiListeners(of({ GILLIAM_LISTEN: '[::]:4410', GILLIAM_ADVERTISE: 'a:1', ...pair() }))).toEqual([
    { host: '::', port: 4410, advertise: 'a:1', tls },
  ]);
  expect(apiListeners(of({ GILLIAM_LISTEN: '127.0.0.1:4410,10.0.0.1:4410', ...pair() }))).toEqual([
    { host: '127.0.0.1', port: 4410, tls },
    { host: '10.0.0.1', port: 4410, tls },
  ]);
  const all = { GILLIAM_LISTEN: '10.0.0.1:1', GILLIAM_CA_FILE: path('ca'), ...pair() };
  expect(apiListeners(of(all))[0]?.tls).toEqual({ certificate: 'CERT', key: 'KEY', ca: 'CA' });
});

test('half a key pair, and a file that is not there, are refused', () => {
  const half = { GILLIAM_LISTEN: '10.0.0.1:1', GILLIAM_TLS_KEY_FILE: path('key') };
  expect(() => apiListeners(of(half))).toThrow(InvalidError);
  expect(() => apiEndpoint(of({ GILLIAM_API: 'a:1', GILLIAM_CA_FILE: path('none') }))).toThrow(
    /^GILLIAM_CA_FILE cannot be read \(.*\/none: there is no such file\): give the path/,
  );
});
