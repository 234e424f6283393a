import type { ServiceMetrics } from '../gen/gilliam/v1/metrics_service';
import type { Usage } from '../gen/gilliam/v1/usage';
import type { Usage as StoredUsage } from '../resource/objects';
import { type Step, stepsBetween } from './counter-steps';
import { emptyBuckets, percentileMs } from './duration-buckets';

/** The longest window that can be asked for. */
export const maxWindowMs = 300_000;
export const defaultWindowMs = 30_000;

/** What arrives within the same second is one: a window is as exact as that. */
const binMs = 1_000;
/** How often what is too old is forgotten. */
const expireEveryMs = 10_000;

interface Bin {
  readonly atMs: number;
  cpuUs: number;
  requests: number;
  errors: number;
  connections: number;
  durations?: number[];
}

interface Series {
  readonly formation: string;
  readonly service: string;
  readonly release: string;
  /** Since when it has been measured without a gap that is remembered. */
  readonly sinceMs: number;
  /** Oldest first. */
  readonly bins: Bin[];
}

interface Heard {
  readonly usage: StoredUsage;
  readonly atMs: number;
}

/**
 * What services have done lately, from what executors say of the instances and the traffic that are theirs. Pure: time
 * comes with each call, by one clock that never goes back. Remembers five minutes, however many executors there are: what
 * their counters grew by is added up by service as it comes in.
 */
export class UsageHistory {
  readonly #heard = new Map<string, Heard>();
  readonly #series = new Map<string, Series>();
  #expiredMs = -Infinity;

  /** Takes what an executor says over; what is older than what is known of it is left. */
  take(usage: StoredUsage, nowMs: number): void {
    const { name, revision } = usage.metadata;
    const before = this.#heard.get(name);
    if (before && before.usage.metadata.revision >= revision) return;
    this.#heard.set(name, { usage, atMs: nowMs });
    const sinceMs = before?.atMs ?? nowMs;
    for (const one of [...usage.instances, ...usage.traffic]) this.#seriesOf(one, sinceMs);
    if (before) for (const step of stepsBetween(before.usage, usage)) this.#add(step, sinceMs, nowMs);
    if (nowMs - this.#expiredMs < expireEveryMs) return;
    this.#expiredMs = nowMs;
    this.#expire(nowMs);
  }

  /** The executor is gone, and its instances with it; what they did has been done. */
  forget(executor: string): void {
    this.#heard.delete(executor);
  }

  /**
   * Each release of each service that runs, is asked for, or was within the window; in the order of their names.
   * @param formation only that one's
   */
  metrics(windowMs: number, nowMs: number, formation?: string): ServiceMetrics[] {
    const gauges = gaugesOf([...this.#heard.values()].map(({ usage }) => usage));
    return [...this.#series]
      .filter(([, series]) => formation === undefined || series.formation === formation)
      .map(([key, series]) => summary(series, gauges.get(key) ?? noGauges, windowMs, nowMs))
      .filter(isOfInterest)
      .sort(byName);
  }

  #seriesOf(of: Pick<Series, 'formation' | 'service' | 'release'>, sinceMs: number): Series {
    const key = seriesKey(of);
    let series = this.#series.get(key);
    if (!series) {
      const { formation, service, release } = of;
      series = { formation, service, release, sinceMs, bins: [] };
      this.#series.set(key, series);
    }
    return series;
  }

  #add(step: Step, sinceMs: number, nowMs: number): void {
    const { bins } = this.#seriesOf(step, sinceMs);
    const atMs = Math.floor(nowMs / binMs) * binMs;
    let bin = bins.at(-1);
    if (bin?.atMs !== atMs) bins.push((bin = { atMs, cpuUs: 0, requests: 0, errors: 0, connections: 0 }));
    bin.cpuUs += step.cpuUs;
    bin.requests += step.requests;
    bin.errors += step.errors;
    bin.connections += step.connections;
    if (!step.durations) return;
    const durations = (bin.durations ??= emptyBuckets());
    for (const [bucket, count] of step.durations.entries())
      durations[bucket] = (durations[bucket] ?? 0) + count;
  }

  #expire(nowMs: number): void {
    const oldestMs = nowMs - maxWindowMs;
    const said = new Set<string>();
    for (const { usage } of this.#heard.values()) {
      for (const one of [...usage.instances, ...usage.traffic]) said.add(seriesKey(one));
    }
    for (const [key, { bins, sinceMs }] of this.#series) {
      const first = bins.findIndex(({ atMs }) => atMs > oldestMs);
      bins.splice(0, first < 0 ? bins.length : first);
      if (bins.length === 0 && sinceMs <= oldestMs && !said.has(key)) this.#series.delete(key);
    }
  }
}

/** What is so now, not what has happened. */
interface Gauges {
  readonly instances: number;
  readonly memoryBytes: bigint;
  readonly memoryLimitBytes: bigint;
  readonly waiting: bigint;
  readonly openConnections: bigint;
}

const noGauges: Gauges = {
  instances: 0,
  memoryBytes: 0n,
  memoryLimitBytes: 0n,
  waiting: 0n,
  openConnections: 0n,
};

function gaugesOf(usages: readonly Usage[]): Map<string, Gauges> {
  const gauges = new Map<string, Gauges>();
  for (const { instances, traffic } of usages) {
    for (const one of instances) {
      const before = gauges.get(seriesKey(one)) ?? noGauges;
      const limited = one.memoryLimitBytes > 0n && (before.instances === 0 || before.memoryLimitBytes > 0n);
      gauges.set(seriesKey(one), {
        ...before,
        instances: before.instances + 1,
        memoryBytes: before.memoryBytes + one.memoryBytes,
        memoryLimitBytes: limited ? before.memoryLimitBytes + one.memoryLimitBytes : 0n,
      });
    }
    for (const one of traffic) {
      if (one.waiting === 0n && one.openConnections === 0n) continue;
      const before = gauges.get(seriesKey(one)) ?? noGauges;
      gauges.set(seriesKey(one), {
        ...before,
        waiting: before.waiting + one.waiting,
        openConnections: before.openConnections + one.openConnections,
      });
    }
  }
  return gauges;
}

function summary(series: Series, gauges: Gauges, windowMs: number, nowMs: number): ServiceMetrics {
  const measuredMs = Math.max(0, Math.min(windowMs, Math.round(nowMs - series.sinceMs)));
  const sum = { cpuUs: 0, requests: 0, errors: 0, connections: 0, durations: emptyBuckets() };
  for (const bin of series.bins) {
    if (bin.atMs + binMs <= nowMs - windowMs) continue;
    sum.cpuUs += bin.cpuUs;
    sum.requests += bin.requests;
    sum.errors += bin.errors;
    sum.connections += bin.connections;
    for (const [bucket, count] of bin.durations?.entries() ?? [])
      sum.durations[bucket] = (sum.durations[bucket] ?? 0) + count;
  }
  const { formation, service, release } = series;
  return {
    ...{ formation, service, release },
    ...gauges,
    cpuMillis: measuredMs > 0 ? Math.round(sum.cpuUs / measuredMs) : 0,
    requests: BigInt(Math.round(sum.requests)),
    errors: BigInt(Math.round(sum.errors)),
    connections: BigInt(Math.round(sum.connections)),
    measuredMs,
    p50Ms: percentileMs(sum.durations, 0.5),
    p95Ms: percentileMs(sum.durations, 0.95),
    p99Ms: percentileMs(sum.durations, 0.99),
  };
}

function isOfInterest({ instances, cpuMillis, ...metrics }: ServiceMetrics): boolean {
  const { requests, errors, waiting, connections, openConnections } = metrics;
  const counts = [requests, errors, waiting, connections, openConnections];
  return instances > 0 || cpuMillis > 0 || counts.some((count) => count > 0n);
}

function seriesKey({
  formation,
  service,
  release,
}: Pick<Series, 'formation' | 'service' | 'release'>): string {
  return `${formation}/${service}/${release}`;
}

function byName(left: ServiceMetrics, right: ServiceMetrics): number {
  const [a, b] = [seriesKey(left), seriesKey(right)];
  return a < b ? -1 : a > b ? 1 : 0;
}
