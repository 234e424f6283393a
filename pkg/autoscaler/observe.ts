import type { ServiceMetrics } from '../gen/gilliam/v1/metrics_service';
import type { Load } from './need';

/** What is known of one service. */
export interface Measured {
  /** Absent where no instance is measured. */
  readonly load?: Load;
  readonly waiting: number;
}

/** All releases of each service together: whoever asks does not know which one answers. By `web.shop`. */
export function measuredOf(metrics: readonly ServiceMetrics[]): ReadonlyMap<string, Measured> {
  const services = new Map<string, ServiceMetrics[]>();
  for (const one of metrics) {
    const key = `${one.service}.${one.formation}`;
    services.set(key, [...(services.get(key) ?? []), one]);
  }
  return new Map([...services].map(([key, releases]) => [key, together(releases)]));
}

function together(releases: readonly ServiceMetrics[]): Measured {
  const sum = (of: (one: ServiceMetrics) => number | bigint) =>
    releases.reduce((total, one) => total + Number(of(one)), 0);
  const running = releases.filter(({ instances }) => instances > 0);
  const waiting = sum(({ waiting }) => waiting);
  if (running.length === 0) return { waiting };
  const limited = running.every(({ memoryLimitBytes }) => memoryLimitBytes > 0n);
  const times = running.flatMap(({ p95Ms }) => p95Ms ?? []);
  return {
    waiting,
    load: {
      instances: sum(({ instances }) => instances),
      cpuMillis: sum(({ cpuMillis }) => cpuMillis),
      memoryBytes: sum(({ memoryBytes }) => memoryBytes),
      memoryLimitBytes: limited ? sum(({ memoryLimitBytes }) => memoryLimitBytes) : 0,
      requests: sum(({ requests }) => requests),
      connections: sum(({ connections, openConnections }) => connections + openConnections),
      measuredMs: Math.max(...running.map(({ measuredMs }) => measuredMs)),
      ...(times.length > 0 ? { p95Ms: Math.max(...times) } : {}),
    },
  };
}
