import type { Demand } from '../demand';
import type { Expression } from '../expression';
import { cordoned } from './cordoned';
import { cpu } from './cpu';
import type { Filter } from './filter';
import { memory } from './memory';
import { ready } from './ready';
import type { IsFulfilled } from './requirement';
import { requirementFilter } from './requirement';
import { volume } from './volume';
import { wished } from './wished';

/**
 * All filters for a demand, in the order in which a refusal is told: whether it may be another executor at all, whether
 * it is there, then what it is, then what is free on it. A summary counts each executor under the first filter that refuses it.
 * `remembered` is for plans, which ask the same of many executors many times.
 */
export function filtersFor(
  demand: Demand,
  remembered?: (requirement: Expression<boolean>) => IsFulfilled,
): readonly Filter[] {
  const requirements = demand.requirements.map((each) => requirementFilter(each, remembered?.(each)));
  return [
    ...(demand.executor === undefined ? [] : [wished]),
    ...(demand.volumes.length === 0 ? [] : [volume]),
    ...[ready, cordoned, ...requirements, cpu, memory],
  ];
}
