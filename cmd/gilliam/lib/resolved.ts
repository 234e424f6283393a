import type { Endpoint, ResolveResponse } from '../../../pkg/gen/gilliam/v1/registry_service';
import { age } from './age';

/** What the registry has answered, for people. */
export function resolvedLines(answer: ResolveResponse, nowMs: number): string[] {
  const heard = (ageMs: bigint) => age(new Date(nowMs - Number(ageMs)), nowMs);
  const { node, virtualIp, ageMs, endpoints } = answer;
  const virtual = virtualIp === '' ? 'no virtual IP' : `virtual IP ${virtualIp}`;
  return [
    ...endpoints.map((endpoint) => `${endpointLine(endpoint)} (${heard(endpoint.ageMs)})`),
    `from node ${node}, heard ${heard(ageMs)}, ${virtual}`,
  ];
}

function endpointLine({ service, instance, release, executor, host, port, stale }: Endpoint): string {
  return [
    `${service}.${instance}`,
    release,
    port === 0 ? 'has no port' : `at ${host}:${port}`,
    executor && `on ${executor}`,
    stale && 'stale',
  ]
    .filter(Boolean)
    .join(' ');
}
