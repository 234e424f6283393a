import { InvalidError } from '../base/errors';
import type { MetricsServiceService } from '../gen/gilliam/v1/metrics_service';
import { defaultWindowMs, maxWindowMs, type UsageHistory } from '../metrics/service-metrics';
import { parseParent, WILDCARD } from '../resource/names';
import type { ApiContext } from './api-context';
import type { Handlers } from './call';
import { requireFormation } from './objects';

export function metricsHandlers(
  context: ApiContext,
  history: Pick<UsageHistory, 'metrics'>,
): Handlers<MetricsServiceService> {
  return {
    async listServiceMetrics({ parent, windowMs }, call) {
      const formation = parseParent(parent, { wildcard: true });
      if (windowMs > maxWindowMs) {
        const description = `window_ms is ${windowMs}, and no more than ${maxWindowMs} are remembered`;
        throw new InvalidError(description, [{ field: 'window_ms', description }]);
      }
      if (formation !== WILDCARD) await requireFormation(context, formation, call.signal);
      const nowMs = context.clock.monotonic();
      const only = formation === WILDCARD ? undefined : formation;
      return { services: history.metrics(windowMs || defaultWindowMs, nowMs, only) };
    },
  };
}
