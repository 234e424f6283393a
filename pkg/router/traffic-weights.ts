import { trafficSharesOf } from '../registry/traffic-shares';
import type { Entry } from '../registry/types';
import { serverWeights } from './weights';

/** The weights of servers for which a route asks for none: by the shares that releases were given, else all the same. */
export function trafficWeights(entries: readonly Entry[]): number[] {
  const shared = trafficSharesOf(entries);
  return shared
    ? serverWeights(shared.groups, shared.shares)
    : serverWeights(
        entries.map(() => undefined),
        [],
      );
}
