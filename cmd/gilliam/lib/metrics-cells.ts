import type { ServiceMetrics } from '../../../pkg/gen/gilliam/v1/metrics_service';

export const metricsHeading = [
  'SERVICE',
  'RELEASE',
  'INSTANCES',
  'CPU',
  'MEMORY',
  'REQUESTS/S',
  'ERRORS',
  'P95',
  'HELD',
];

/** One row of `gilliam metrics`. */
export function metricsCells(one: ServiceMetrics): string[] {
  const { formation, service, release, instances, cpuMillis, memoryBytes, waiting, p95Ms } = one;
  const requests = Number(one.requests);
  return [
    `${service}.${formation}`,
    release || '-',
    String(instances),
    (cpuMillis / 1_000).toFixed(2),
    `${Math.round(Number(memoryBytes) / 2 ** 20)} MiB`,
    one.measuredMs > 0 ? rate((requests * 1_000) / one.measuredMs) : '-',
    requests > 0 ? `${rate((Number(one.errors) * 100) / requests)}%` : '-',
    p95Ms === undefined ? '-' : `${p95Ms} ms`,
    String(waiting),
  ];
}

function rate(value: number): string {
  return value > 0 && value < 10 ? value.toFixed(1) : String(Math.round(value));
}
