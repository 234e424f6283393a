import { readFile } from 'node:fs/promises';

/** Where distributions keep the certificates they trust. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'ALL_PROXY', 'NO_PROXY'];

const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The certificates that this machine trusts, as PEM: those of SSL_CERT_FILE, else of the distribution, and those of
 * NODE_EXTRA_CA_CERTS, each once. Undefined when there are none. Where a proxy looks into TLS, builds fail without them.
 */
export async function hostCaBundle(
  env: Environment,
  read: (path: string) => Promise<string> = (path) => readFile(path, 'utf8'),
): Promise<string | undefined> {
  const certificatesOf = async (path: string | undefined) =>
    path ? ((await read(path).catch(() => '')).match(certificate) ?? []) : [];
  const found = new Set<string>();
  for (const path of [env['SSL_CERT_FILE'], ...SYSTEM_BUNDLES]) {
    for (const pem of await certificatesOf(path)) found.add(pem);
    if (found.size > 0) break;
  }
  for (const pem of await certificatesOf(env['NODE_EXTRA_CA_CERTS'])) found.add(pem);
  return found.size === 0 ? undefined : `${[...found].join('\n')}\n`;
}

/**
 * The proxy variables of this machine, as build arguments. The engine knows these by name: they are there while
 * building, neither in the image nor in what decides whether a layer is used again.
 */
export function hostBuildArgs(env: Environment): Readonly<Record<string, string>> {
  const args: Record<string, string> = {};
  for (const upper of PROXY_VARIABLES) {
    for (const name of [upper, upper.toLowerCase()]) {
      const value = env[name];
      if (value) args[name] = value;
    }
  }
  return args;
}
