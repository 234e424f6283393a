import { hostname } from 'node:os';
import { PreconditionError } from '../base/errors';
import { parseAddresses } from '../client/addresses';
import { hostOf } from '../client/trust';
import type { Candidate } from './check-invitation';
import { readConfig } from './config';
import type { Invitation } from './invitation';
import { executorName } from './new-config';
import { addressTowards } from './own-address';
import type { StageContext } from './step';

/** As what this machine would join: as it is asked for, as it has joined before, or as it calls itself. */
export async function candidateFor(
  { paths }: Pick<StageContext, 'paths'>,
  { api }: Invitation,
  asked: Partial<Candidate>,
): Promise<Candidate> {
  const before = readConfig(paths.config);
  const name = asked.name ?? before?.executor.name ?? executorName(hostname());
  const address = asked.address ?? before?.address ?? (await towards(parseAddresses(api)));
  if (address !== undefined) return { name, address };
  throw new PreconditionError(
    `this machine does not know the way to the stage at ${api}: say with --address at which of its addresses others reach it`,
  );
}

async function towards(addresses: readonly string[]): Promise<string | undefined> {
  for (const each of addresses) {
    const found = await addressTowards(hostOf(each), Number(each.slice(each.lastIndexOf(':') + 1)));
    if (found !== undefined) return found;
  }
  return undefined;
}
