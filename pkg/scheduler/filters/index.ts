import type { Demand } from '../demand';
import { cordoned } from './cordoned';
import { cpu } from './cpu';
import type { Filter } from './filter';
import { memory } from './memory';
import { ready } from './ready';
import { requirementFilter } from './requirement';

/**
 * All filters for a demand, in the order in which a refusal is told: whether the executor is there at all, then what
 * it is, then what is free on it. A summary counts each executor under the first filter that refuses it.
 */
export function filtersFor(demand: Demand): readonly Filter[] {
  return [ready, cordoned, ...demand.requirements.map(requirementFilter), cpu, memory];
}
