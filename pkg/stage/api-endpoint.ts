import { readFileSync } from 'node:fs';
import { InvalidError } from '../base/errors';
import { fileReason } from '../base/file-reason';
import { parseAddresses } from '../client/addresses';
import { hostOf } from '../client/trust';
import type { Daemon } from './daemon';

/** Where the API is, as a daemon is told: one control plane or several, and whom to trust where it speaks TLS. */
export function apiEndpoint(setting: Daemon['setting']): { readonly address: string; readonly ca?: string } {
  const ca = setting('GILLIAM_CA_FILE', '');
  return { address: setting('GILLIAM_API'), ...(ca && { ca: readPem('GILLIAM_CA_FILE', ca) }) };
}

/** Where a control plane listens, and what it shows there. Throws InvalidError for half of a key pair. */
export function apiListeners(setting: Daemon['setting']) {
  const tls = apiTls(setting);
  const advertise = setting('GILLIAM_ADVERTISE', '');
  return parseAddresses(setting('GILLIAM_LISTEN')).map((address) => ({
    host: hostOf(address),
    port: Number(address.slice(address.lastIndexOf(':') + 1)),
    ...(tls && { tls }),
    ...(advertise && { advertise }),
  }));
}

/** What a control plane shows; undefined where it speaks no TLS. Read anew each time, as it may have been renewed. */
export function apiTls(setting: Daemon['setting']) {
  const certificate = setting('GILLIAM_TLS_CERTIFICATE_FILE', '');
  const key = setting('GILLIAM_TLS_KEY_FILE', '');
  if ((certificate === '') !== (key === '')) {
    throw new InvalidError(
      'GILLIAM_TLS_CERTIFICATE_FILE and GILLIAM_TLS_KEY_FILE go together: give both or none',
    );
  }
  const ca = setting('GILLIAM_CA_FILE', '');
  if (certificate === '') return undefined;
  return {
    certificate: readPem('GILLIAM_TLS_CERTIFICATE_FILE', certificate),
    key: readPem('GILLIAM_TLS_KEY_FILE', key),
    ...(ca && { ca: readPem('GILLIAM_CA_FILE', ca) }),
  };
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidError(
      `${name} cannot be read (${path}: ${fileReason(error)}): give the path of a file in PEM`,
      [],
      {
        cause: error,
      },
    );
  }
}
