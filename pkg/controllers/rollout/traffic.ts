import type { Clock } from '../../base/clock';
import type { UsageHistory } from '../../metrics/service-metrics';
import { maxWindowMs } from '../../metrics/service-metrics';
import type { ReleaseMetrics } from './reconciler';

/** What executors say of requests, as verdicts need it. */
export function trafficOf(history: UsageHistory, clock: Pick<Clock, 'monotonic'>): ReleaseMetrics {
  return (formation, windowMs) =>
    history
      .metrics(Math.min(windowMs, maxWindowMs), clock.monotonic(), formation)
      .map(({ service, release, requests, errors, p95Ms }) => ({
        ...{ service, release, requests: Number(requests), errors: Number(errors) },
        ...(p95Ms !== undefined && { p95Ms }),
      }));
}
