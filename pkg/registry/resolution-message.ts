import { Endpoint, type ResolveResponse } from '../gen/gilliam/v1/registry_service';
import type { Resolution } from './resolution';

/** A node's answer, as the API gives it. */
export function resolutionMessage({ node, virtualIp = '', ageMs, endpoints }: Resolution): ResolveResponse {
  return {
    endpoints: endpoints.map((endpoint) =>
      Endpoint.fromPartial({ ...endpoint, ageMs: BigInt(Math.round(endpoint.ageMs)) }),
    ),
    node,
    virtualIp,
    ageMs: BigInt(Math.round(ageMs)),
  };
}
