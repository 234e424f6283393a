import { readFileSync } from 'node:fs';
import { InvalidError, messageOf } from '../base/errors';
import type { Daemon } from './daemon';

/** Where the API is, as a daemon is told: one control plane or several, and whom to trust where it speaks TLS. */
export function apiEndpoint(setting: Daemon['setting']): { readonly address: string; readonly ca?: string } {
  const ca = setting('GILLIAM_CA_FILE', '');
  return { address: setting('GILLIAM_API'), ...(ca && { ca: readPem('GILLIAM_CA_FILE', ca) }) };
}

/** Where a control plane listens, and what it shows there. Throws InvalidError for half of a key pair. */
export function apiListener(setting: Daemon['setting']) {
  const listen = setting('GILLIAM_LISTEN');
  const at = listen.lastIndexOf(':');
  const certificate = setting('GILLIAM_TLS_CERTIFICATE_FILE', '');
  const key = setting('GILLIAM_TLS_KEY_FILE', '');
  if ((certificate === '') !== (key === '')) {
    throw new InvalidError(
      'GILLIAM_TLS_CERTIFICATE_FILE and GILLIAM_TLS_KEY_FILE go together: give both or none',
    );
  }
  const ca = setting('GILLIAM_CA_FILE', '');
  const tls = certificate && {
    certificate: readPem('GILLIAM_TLS_CERTIFICATE_FILE', certificate),
    key: readPem('GILLIAM_TLS_KEY_FILE', key),
    ...(ca && { ca: readPem('GILLIAM_CA_FILE', ca) }),
  };
  const advertise = setting('GILLIAM_ADVERTISE', '');
  return {
    host: listen.slice(0, at).replace(/^\[(.*)\]$/, '$1'),
    port: Number(listen.slice(at + 1)),
    ...(tls && { tls }),
    ...(advertise && { advertise }),
  };
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidError(
      `${name} cannot be read (${messageOf(error)}): give the path of a file in PEM`,
      [],
      {
        cause: error,
      },
    );
  }
}
