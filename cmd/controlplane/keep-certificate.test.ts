import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerCertificate } from '../../pkg/api/renewable-credentials';
import { silentLogger } from '../../pkg/base/log';
import { ensureApiCertificate } from '../../pkg/stage/api-certificate';
import { pathsIn, type TlsPaths } from '../../pkg/stage/paths';
import { VirtualClock } from '../../pkg/testing/virtual-clock';
import { keepCertificate } from './keep-certificate';

const dayMs = 86_400_000;
let directory: string;
let tls: TlsPaths;
let clock: VirtualClock;
let ended: AbortController;
let shown: ServerCertificate[];
let kept: Promise<void>;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gilliam-keep-'));
  tls = pathsIn(directory, 'prod').tls;
  clock = new VirtualClock();
  ended = new AbortController();
  shown = [];
  const made = new Date(clock.now() - 330 * dayMs);
  await ensureApiCertificate(tls, { stage: 'prod', address: '10.0.0.1' }, made);
});
afterEach(async () => {
  ended.abort();
  await kept;
  rmSync(directory, { recursive: true });
});

function keep(over: Readonly<Record<string, string>> = {}): void {
  const settings: Readonly<Record<string, string>> = {
    GILLIAM_TLS_CERTIFICATE_FILE: tls.certificate,
    GILLIAM_TLS_KEY_FILE: tls.key,
    GILLIAM_CA_FILE: tls.ca,
    GILLIAM_CA_KEY_FILE: tls.caKey,
    ...over,
  };
  const setting = (name: string) => settings[name] ?? '';
  const daemon = { clock, log: silentLogger, signal: ended.signal, setting };
  kept = keepCertificate({ renew: (certificate) => void shown.push(certificate) }, daemon);
}

/** Keys are made outside of virtual time. */
async function eventually(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('not within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('a certificate is renewed two months before its end, and shown', async () => {
  keep();
  await clock.advance(6 * dayMs);
  expect(shown).toEqual([]);
  await clock.advance(2 * dayMs);
  await eventually(() => shown.length > 0);
  const certificate = new X509Certificate(shown[0]?.certificate ?? '');
  expect(certificate.checkIP('10.0.0.1')).toBeDefined();
  expect(Date.parse(certificate.validTo) - clock.now()).toBeGreaterThan(300 * dayMs);
});

test('one that others have put there is shown; half of one is not', async () => {
  keep({ GILLIAM_CA_KEY_FILE: '' });
  await clock.advance(dayMs);
  const other = pathsIn(join(directory, 'other'), 'prod').tls;
  await ensureApiCertificate(other, { stage: 'prod', address: '10.0.0.2' }, new Date(clock.now()));
  rmSync(tls.key);
  writeFileSync(tls.certificate, readFileSync(other.certificate));
  await clock.advance(dayMs);
  expect(shown).toEqual([]);
  writeFileSync(tls.key, readFileSync(other.key));
  await clock.advance(dayMs);
  expect(shown).toEqual([
    expect.objectContaining({ certificate: readFileSync(other.certificate, 'utf8') }) as ServerCertificate,
  ]);
});

test('without TLS there is nothing to keep', async () => {
  keep({ GILLIAM_TLS_CERTIFICATE_FILE: '', GILLIAM_TLS_KEY_FILE: '' });
  await kept;
});
