import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import type { CacheReader } from '../reconcile/cache';
import type { Usage } from '../resource/objects';
import { UsageHistory } from './service-metrics';

/** A history in step with a cache of usages, from now on until it is disposed. Its times are the clock's monotonic ones. */
export function followUsage(
  cache: Pick<CacheReader<Usage>, 'list' | 'onChange'>,
  clock: Pick<Clock, 'monotonic'>,
): Disposable & { readonly history: UsageHistory } {
  const history = new UsageHistory();
  for (const usage of cache.list()) history.take(usage, clock.monotonic());
  const subscription = cache.onChange(({ name }, after) => {
    if (after) history.take(after, clock.monotonic());
    else history.forget(name);
  });
  return { history, dispose: () => subscription.dispose() };
}
