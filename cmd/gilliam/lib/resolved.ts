import { Endpoint, ResolveResponse } from '../../../pkg/gen/gilliam/v1/registry_service';
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

/** For programs: ages as numbers, as a node of the registry itself tells them, and not as text as 64 bits have to be. */
export function resolvedJson(answer: ResolveResponse): object {
  return {
    ...(ResolveResponse.toJSON(answer) as object),
    ageMs: Number(answer.ageMs),
    endpoints: answer.endpoints.map((endpoint) => ({
      ...(Endpoint.toJSON(endpoint) as object),
      ageMs: Number(endpoint.ageMs),
    })),
  };
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
