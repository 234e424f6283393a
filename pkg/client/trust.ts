import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { credentials, type ChannelCredentials } from '@grpc/grpc-js';

/** What is said to be asked for where the address is no name: addresses may not be said (RFC 6066). */
const apiName = 'api.gilliam.service';

export interface Trust {
  readonly credentials: ChannelCredentials;
  /** Settings of the channel that go with them. */
  readonly settings: Readonly<Record<string, string>>;
}

/** How a connection to the address is secured: not at all without an authority, else by certificates of it. */
export function trustAt(address: string, ca: string | undefined): Trust {
  if (ca === undefined) return { credentials: credentials.createInsecure(), settings: {} };
  const host = hostOf(address);
  const roots = Buffer.from(ca);
  if (!isIP(host)) return { credentials: credentials.createSsl(roots), settings: {} };
  // Whatever name is said, the certificate has to be for the address.
  const verify = {
    checkServerIdentity: (_: string, peer: Parameters<typeof checkServerIdentity>[1]) =>
      checkServerIdentity(host, peer),
  };
  return {
    credentials: credentials.createSsl(roots, null, null, verify),
    settings: { 'grpc.ssl_target_name_override': apiName },
  };
}

/** `fd00::1` of `[fd00::1]:4410` */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
}
