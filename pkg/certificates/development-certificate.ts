import { type KeyPair, makeServerCertificate } from './certificate';

export type { KeyPair } from './certificate';

// As long as browsers take any certificate for.
const validDays = 397;

/** A certificate of its own authority, which no client trusts unless told to. `host` may begin with `*.`. */
export function developmentCertificate(host: string, now: Date): Promise<KeyPair> {
  return makeServerCertificate({
    ...{ title: 'Gilliam development certificate', hosts: [host] },
    ...{ now, days: validDays },
  });
}
