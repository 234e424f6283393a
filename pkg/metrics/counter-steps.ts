import type { InstanceUsage, TrafficUsage, Usage } from '../gen/gilliam/v1/usage';
import { bucketCount } from './duration-buckets';

/** What has happened to one release of a service between two reports of an executor. */
export interface Step {
  readonly formation: string;
  readonly service: string;
  readonly release: string;
  readonly cpuUs: number;
  readonly requests: number;
  readonly errors: number;
  readonly connections: number;
  /** Absent where nothing was measured. */
  readonly durations?: readonly number[];
}

/**
 * What became more from one report to the next. Counters that begin anew (another epoch, or less than before) count from
 * nothing; one that was not there before began after the report before.
 */
export function stepsBetween(before: Usage, after: Usage): Step[] {
  const cpuBefore = new Map(before.instances.map((one) => [instanceKey(one), one]));
  const trafficBefore = new Map(before.traffic.map((one) => [trafficKey(one), one]));
  return [
    ...after.instances.flatMap((one) => {
      const known = cpuBefore.get(instanceKey(one));
      // What a container has used before it was first measured was used at a time that nobody knows.
      if (!known) return [];
      const { formation, service, release } = one;
      const cpuUs = grown(known.cpuUs, one.cpuUs);
      return cpuUs === 0
        ? []
        : [{ formation, service, release, cpuUs, requests: 0, errors: 0, connections: 0 }];
    }),
    ...after.traffic.flatMap((one) => trafficStep(trafficBefore.get(trafficKey(one)), one)),
  ];
}

function trafficStep(before: TrafficUsage | undefined, after: TrafficUsage): Step[] {
  const known = before?.epoch === after.epoch ? before : undefined;
  const requests = grown(known?.requests, after.requests);
  const errors = grown(known?.errors, after.errors);
  const connections = grown(known?.connections, after.connections);
  const durations = Array.from({ length: bucketCount }, (_, bucket) =>
    grown(known?.durationCounts[bucket], after.durationCounts[bucket] ?? 0n),
  );
  const measured = durations.some((count) => count > 0);
  if (requests === 0 && errors === 0 && connections === 0 && !measured) return [];
  const { formation, service, release } = after;
  const counted = { cpuUs: 0, requests, errors, connections, ...(measured ? { durations } : {}) };
  return [{ formation, service, release, ...counted }];
}

function grown(before: bigint | undefined, after: bigint): number {
  if (after <= 0n) return 0;
  return Number(before === undefined || after < before ? after : after - before);
}

function instanceKey({ formation, instance, release }: InstanceUsage): string {
  return `${formation}/${instance}/${release}`;
}

function trafficKey({ source, formation, service, release }: TrafficUsage): string {
  return `${source}/${formation}/${service}/${release}`;
}
