import { ServerCredentials } from '@grpc/grpc-js';

/** In PEM. */
export interface ServerCertificate {
  readonly key: string;
  readonly certificate: string;
}

/** A server's certificate that can be replaced while it listens; connections that there are stay as they are. */
export class RenewableCredentials extends ServerCredentials {
  constructor(certificate: ServerCertificate) {
    super({}, contextOf(certificate));
  }

  renew(certificate: ServerCertificate): void {
    this.updateSecureContextOptions(contextOf(certificate));
  }

  _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

function contextOf({ key, certificate }: ServerCertificate) {
  return { key, cert: certificate };
}
