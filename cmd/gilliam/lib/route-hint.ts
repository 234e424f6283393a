import type { Client } from '../../../pkg/client/client';
import type { RouterPorts } from '../../../pkg/stage/ports';
import { routeUrl } from './route-view';

// Nobody waits long for a hint.
const limitMs = 1000;

/** A command that asks the first route of which the URL is known; undefined when there is none. */
export async function suggestCurl(
  client: Client,
  ports: RouterPorts | undefined,
  { parent, signal }: { readonly parent: string; readonly signal: AbortSignal },
): Promise<string | undefined> {
  if (!ports) return undefined;
  const { routes } = await client.routes.listRoutes({ parent }, { signal, deadlineMs: limitMs });
  for (const { spec } of routes) {
    const url = spec && !spec.redirect && routeUrl(spec, ports);
    if (url) return `curl ${spec.tls ? '--insecure ' : ''}${url}`;
  }
  return undefined;
}
