import type { ScalingTarget } from '../gen/gilliam/v1/formation';
import { durationBoundsMs } from '../metrics/duration-buckets';

/** What is known of a service over the last seconds, all of its instances together. */
export interface Load {
  readonly instances: number;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly requests: number;
  /** Those made meanwhile through virtual IPs, and whatever is open or under way now. */
  readonly connections: number;
  readonly measuredMs: number;
  readonly p95Ms?: number;
}

/** What one instance may use; 0 where it may use all. */
export interface Capacity {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

/** How many instances a target asks for; not whole. */
export interface Need {
  readonly instances: number;
  /** `cpu 180% of 60%` */
  readonly why: string;
}

const wholeProcessor = 1_000;
/** Below so few requests a percentile says more about those than about the service. */
const minRequests = 20;
/** Slowness need not be for want of instances: by so much at a time at most. */
const maxSlowness = 2;

/**
 * How many instances each target asks for. All but the time of answers is reckoned from what all instances do together, so
 * the answer is the same however many there are now: nothing to swing about. A target of which nothing is known is left
 * out.
 */
export function needsOf(target: ScalingTarget, load: Load, capacity: Capacity): Need[] {
  return [
    ...cpuNeed(target.cpuPercent, load, capacity),
    ...memoryNeed(target.memoryPercent, load, capacity),
    ...requestsNeed(target.requestsPerSecond, load),
    ...timeNeed(target.p95Ms, load),
  ];
}

function cpuNeed(percent: number, load: Load, { cpuMillis }: Capacity): Need[] {
  if (percent === 0 || load.instances === 0) return [];
  const each = cpuMillis || wholeProcessor;
  const used = Math.round((load.cpuMillis / (each * load.instances)) * 100);
  return [{ instances: load.cpuMillis / ((each * percent) / 100), why: `cpu ${used}% of ${percent}%` }];
}

function memoryNeed(percent: number, load: Load, { memoryBytes }: Capacity): Need[] {
  if (percent === 0 || load.instances === 0) return [];
  const each = memoryBytes || load.memoryLimitBytes / load.instances;
  // Without a limit there is nothing to take a part of.
  if (each === 0) return [];
  const used = Math.round((load.memoryBytes / (each * load.instances)) * 100);
  return [{ instances: load.memoryBytes / ((each * percent) / 100), why: `memory ${used}% of ${percent}%` }];
}

function requestsNeed(perSecond: number, load: Load): Need[] {
  if (perSecond === 0) return [];
  const rate = load.requests / (load.measuredMs / 1_000);
  return [{ instances: rate / perSecond, why: `${round(rate)} requests/s at ${perSecond} each` }];
}

function timeNeed(targetMs: number, { p95Ms, requests, instances }: Load): Need[] {
  if (targetMs === 0 || instances === 0) return [];
  // Nothing is slow of which there is nothing.
  if (p95Ms === undefined || requests < minRequests) return [{ instances: 1, why: 'hardly a request' }];
  const atLeastMs = durationBoundsMs.findLast((bound) => bound < p95Ms) ?? 0;
  const why = `p95 up to ${p95Ms} ms of ${targetMs} ms`;
  if (atLeastMs >= targetMs) return [{ instances: instances * Math.min(maxSlowness, p95Ms / targetMs), why }];
  // Far below: one less would do, perhaps. What is measured then says whether it did.
  if (p95Ms <= targetMs / 2) return [{ instances: Math.max(1, instances - 1), why }];
  return [{ instances, why }];
}

function round(value: number): number {
  return value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
}
