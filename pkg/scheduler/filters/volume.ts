import type { Demand } from '../demand';
import type { ExecutorLoad } from '../executor-load';
import type { LocatedVolume } from '../located-volume';
import { cordoned } from './cordoned';
import { cpu } from './cpu';
import type { Filter } from './filter';
import { memory } from './memory';
import { ready } from './ready';

/**
 * What the instance keeps is on this executor. A volume never moves, so an instance that has one goes there or waits;
 * the refusals of the other executors say for what.
 */
export const volume: Filter = {
  clause: 'volume',
  passes: (load, demand) => demand.volumes.every((each) => each.executor === load.name && !each.deleted),
  explain: (load, demand) =>
    demand.volumes
      .map((each) => {
        if (each.deleted) return `${each.name} is being deleted on ${each.executor}`;
        if (each.executor === load.name) return `${each.name} is here`;
        return `${each.name} is on ${where(each, demand)}`;
      })
      .join(', '),
  summarize: (refused, demand) => {
    const doomed = demand.volumes.find((each) => each.deleted);
    const count = refused.length;
    if (doomed) return `${count} wait until volume ${doomed.name} is deleted on ${doomed.executor}`;
    const [first] = demand.volumes;
    return first
      ? `${count} ${count === 1 ? 'does' : 'do'} not have volume ${first.name}, which is on ${where(first, demand)}`
      : `${count} without its volume`;
  },
};

/** `e1`, or why the instance has to wait for it: `e1, which is lost`. */
function where({ executor, load }: LocatedVolume, demand: Demand): string {
  const why = load ? obstacle(load, demand) : 'is gone';
  return why === undefined ? executor : `${executor}, which ${why}`;
}

function obstacle(load: ExecutorLoad, demand: Demand): string | undefined {
  if (!ready.passes(load, demand)) return `is ${ready.explain(load, demand)}`;
  if (!cordoned.passes(load, demand)) {
    return `is ${load.executor.spec.draining ? 'draining' : 'cordoned'}: gilliam executor uncordon ${load.name} opens it again`;
  }
  const full = [cpu, memory].find((filter) => !filter.passes(load, demand));
  return full && `has too little ${full.clause}: ${full.explain(load, demand)}`;
}
