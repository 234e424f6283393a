import type { Demand } from '../demand';
import type { ExecutorLoad } from '../executor-load';
import type { Filter } from './filter';

/** Something of which an executor has so much, and an instance reserves so much. */
export interface Resource {
  readonly name: string;
  readonly needed: (demand: Demand) => number;
  readonly free: (load: ExecutorLoad) => number;
  readonly total: (load: ExecutorLoad) => number;
  // Follows from the others, but is asked millions of times: as one function each it is ten times as fast.
  readonly fits: (load: ExecutorLoad, demand: Demand) => boolean;
  readonly format: (amount: number) => string;
}

/** There is room for what the instance reserves. One that reserves nothing goes anywhere, even where all is taken. */
export function resourceFilter(resource: Resource): Filter {
  const { name, needed, free, total, fits, format } = resource;
  const available = (load: ExecutorLoad): number => Math.max(0, free(load));
  return {
    clause: name,
    passes: fits,
    explain: (load, demand) => {
      const room = `${format(available(load))} of ${format(total(load))} is free`;
      return needed(demand) === 0 ? `reserves none, ${room}` : `needs ${format(needed(demand))}, ${room}`;
    },
    summarize: (refused, demand) => {
      const largest = refused.reduce((most, load) => Math.max(most, total(load)), 0);
      const most = refused.reduce((best, load) => Math.max(best, available(load)), 0);
      // Waiting helps against what is taken, not against what no executor has.
      const found =
        largest < needed(demand) ? `the largest has ${format(largest)}` : `at most ${format(most)} free`;
      return `${refused.length} too little ${name} (needs ${format(needed(demand))}, ${found})`;
    },
  };
}
