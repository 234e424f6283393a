import type { Filter } from './filter';

/** Whoever asked for the instance, a one-off, asked for this executor. */
export const wished: Filter = {
  clause: 'executor',
  passes: (load, demand) => demand.executor === undefined || demand.executor === load.name,
  explain: (load, { executor }) =>
    executor === load.name ? 'the one that was asked for' : `${executor} was asked for`,
  summarize: (refused, { executor }) => `${refused.length} not ${executor}, which was asked for`,
};
