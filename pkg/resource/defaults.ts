import type { HealthCheck, Process } from '../gen/gilliam/v1/release';

/**
 * What absent fields stand for. Objects are stored as they were written and are read through these functions, so that
 * a default can change without a migration.
 */

/** Between SIGTERM and SIGKILL. */
export const DEFAULT_GRACE_MS = 10_000;
/** Before SIGTERM, for the requests under way to end. */
export const DEFAULT_DRAIN_MS = 10_000;
/** Processes and threads in one instance. */
export const DEFAULT_PIDS = 4_096;
/** Instances of a formation whose limits do not say. */
export const DEFAULT_MAX_INSTANCES = 1_000;
/** Spread: the executor with the fewest instances. */
export const DEFAULT_RANK = '-ncont';
/** Where a process that was detected listens. */
export const DEFAULT_PORT = 8080;

export const DEFAULT_HEALTH_INTERVAL_MS = 5_000;
/** The longest interval while an instance has not been ready yet. */
export const STARTING_HEALTH_INTERVAL_MS = 500;
export const DEFAULT_HEALTH_TIMEOUT_MS = 2_000;
export const DEFAULT_FAILURE_THRESHOLD = 3;

/** Page sizes of lists. */
export const DEFAULT_PAGE_SIZE = 500;
export const MAX_PAGE_SIZE = 5_000;

export function graceMsOf(process: Process): number {
  return process.graceMs || DEFAULT_GRACE_MS;
}

export function drainMsOf(process: Process): number {
  return process.drainMs || DEFAULT_DRAIN_MS;
}

/** What an instance of the process reserves on its executor and is limited to. */
export interface Limits {
  /** Thousandths of a processor; 0 for no reservation and no limit. */
  readonly cpuMillis: number;
  /** 0 for no reservation and no limit. */
  readonly memoryBytes: bigint;
  readonly pids: number;
}

export function limitsOf(process: Process): Limits {
  return {
    cpuMillis: process.resources?.cpuMillis ?? 0,
    memoryBytes: process.resources?.memoryBytes ?? 0n,
    pids: process.resources?.pids || DEFAULT_PIDS,
  };
}

export function rankOf(process: Process): string {
  return process.rank.trim() || DEFAULT_RANK;
}

/** When and how patiently to check health. */
export interface HealthTiming {
  readonly intervalMs: number;
  /** The interval until the instance has been ready for the first time. */
  readonly startingIntervalMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
}

export function healthTimingOf(health: HealthCheck): HealthTiming {
  const intervalMs = health.intervalMs || DEFAULT_HEALTH_INTERVAL_MS;
  return {
    intervalMs,
    startingIntervalMs: Math.min(intervalMs, STARTING_HEALTH_INTERVAL_MS),
    timeoutMs: health.timeoutMs || DEFAULT_HEALTH_TIMEOUT_MS,
    failureThreshold: health.failureThreshold || DEFAULT_FAILURE_THRESHOLD,
  };
}

/** The page size that a request's `page_size` stands for. */
export function pageSizeOf(requested: number): number {
  return requested <= 0 ? DEFAULT_PAGE_SIZE : Math.min(requested, MAX_PAGE_SIZE);
}
