import type { Instance } from '../resource/objects';
import type { Demand } from './demand';
import type { ExecutorLoad } from './executor-load';
import { filtersFor } from './filters';
import type { Filter } from './filters/filter';
import type { Fleet } from './fleet';
import type { Memos } from './memo';

/**
 * Why no executor takes an instance of the demand, in one line: `0 of 3 executors: 1 cordoned, 2 too little memory
 * (needs 512 MiB, at most 300 MiB free)`. Each executor is counted under the first filter that refuses it.
 */
export function summarize(fleet: Fleet, demand: Demand, memos: Memos): string {
  const { loads } = fleet;
  if (loads.length === 0) return 'no executor has joined the stage yet';
  const filters = filtersFor(demand, (requirement) => memos.fulfils(requirement, demand.process));
  const refused = new Map<Filter, ExecutorLoad[]>(filters.map((filter) => [filter, []]));
  for (const load of loads) {
    const first = filters.find((filter) => !filter.passes(load, demand));
    if (first) refused.get(first)?.push(load);
  }
  const parts = filters
    .map((filter) => ({ filter, by: refused.get(filter) ?? [] }))
    .filter(({ by }) => by.length > 0)
    .map(({ filter, by }) => filter.summarize(by, demand));
  return `0 of ${loads.length} ${loads.length === 1 ? 'executor' : 'executors'}: ${parts.join(', ')}`;
}

/** Why an instance cannot be placed whose release does not exist any more. */
export function releaseGone(instance: Instance): string {
  return `${instance.spec.release} is gone: scale a release that exists`;
}
