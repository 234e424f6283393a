import { type Clock, deadline } from '../../../pkg/base/clock';
import { NotFoundError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import type { RouteSpec } from '../../../pkg/gen/gilliam/v1/route';
import { formatServiceName, parseServiceName } from '../../../pkg/registry/service-name';
import { splitTarget } from './route-text';

/** What the registry knows of the service that a route leads to. */
export type TargetState =
  | { readonly state: 'ready' | 'no instance' }
  /** There is no service of the name. `why` names the nearest. */
  | { readonly state: 'no service'; readonly why: string };

/** How many names are asked for at a time; whoever lists routes does not wait long for the rest. */
const atOnce = 16;
const limitMs = 2_000;

/** The service that a route leads to: undefined for a redirect, and where variables say which. */
export function targetService({
  target,
  redirect,
}: Pick<RouteSpec, 'target' | 'redirect'>): string | undefined {
  const name = redirect ? undefined : parseServiceName(splitTarget(target).name);
  return name && formatServiceName(name);
}

/**
 * What the registry knows of each of these services. Only it does: what others announce the control plane has never
 * heard of. Those of which nothing can be learnt now are not in the answer.
 */
export async function targetStates(
  client: Pick<Client, 'registry'>,
  services: Iterable<string>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, TargetState>> {
  const states = new Map<string, TargetState>();
  const queue = [...new Set(services)];
  const limit = deadline(clock, limitMs, signal);
  const work = async () => {
    for (let name = queue.pop(); name !== undefined && !limit.signal.aborted; name = queue.pop()) {
      try {
        const { endpoints } = await client.registry.resolve({ name, executor: '' }, { signal: limit.signal });
        states.set(name, { state: endpoints.length > 0 ? 'ready' : 'no instance' });
      } catch (error) {
        if (error instanceof NotFoundError) states.set(name, { state: 'no service', why: error.message });
        // No node of the registry answers: the others would not be known either.
        else queue.length = 0;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  limit.dispose();
  return states;
}
