import type { Clock } from '../../../pkg/base/clock';
import type { ResolveResponse } from '../../../pkg/gen/gilliam/v1/registry_service';
import { resolutionMessage } from '../../../pkg/registry/resolution-message';
import type { OwnNode } from '../../../pkg/stage/own-node';

/** What this machine's node of the registry knows of a name. Throws UnavailableError where it does not answer. */
export async function askOwnNode(
  { url }: OwnNode,
  name: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<ResolveResponse> {
  const { RegistryClient } = loadClient();
  const client = new RegistryClient({ url, clock });
  try {
    return resolutionMessage(await client.resolve(name, signal));
  } finally {
    await client.close();
  }
}

function loadClient() {
  // Loaded only when it is needed: what speaks HTTP takes a tenth of a command's start.
  // eslint-disable-next-line @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports
  return require('../../../pkg/registry/client') as typeof import('../../../pkg/registry/client');
}
