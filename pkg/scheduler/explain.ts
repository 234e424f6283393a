import { InstanceState } from '../gen/gilliam/v1/instance';
import type { Verdict } from '../gen/gilliam/v1/instance_service';
import { isWanted } from '../resource/instance';
import type { Instance } from '../resource/objects';
import type { Demand } from './demand';
import type { ExecutorLoad } from './executor-load';
import { Fault } from './expression';
import { filtersFor } from './filters';
import { explainValue } from './filters/requirement';
import { compareText, Fleet } from './fleet';
import { numberOf, rankOn } from './rank';
import type { Explain } from './types';

/**
 * Every executor's verdict, as if the instance were still to be placed: what it holds itself is not counted. First the
 * chosen executor, then those that accept, best first, then those that refuse, the nearest miss first.
 */
export const explain: Explain = (snapshot, instance) => {
  const fleet = new Fleet(snapshot, instance);
  const demand = fleet.demandOf(instance);
  if (!demand) return fleet.loads.map((load) => unknownRelease(load, instance));
  const judged = fleet.loads.map((load) => ({ load, ...judge(load, demand) }));
  judged.sort((left, right) => {
    if (left.accepted !== right.accepted) return left.accepted ? -1 : 1;
    if (left.accepted) return right.rank - left.rank || left.load.index - right.load.index;
    return failures(left) - failures(right) || compareText(left.load.name, right.load.name);
  });
  const chosen = chosenOf(instance, judged[0]?.accepted ? judged[0].load.name : '');
  const verdicts = judged.map(({ load, clauses, accepted, rank }) => ({
    executor: load.name,
    accepted,
    clauses,
    rank,
    chosen: load.name === chosen,
  }));
  return [...verdicts.filter((verdict) => verdict.chosen), ...verdicts.filter((verdict) => !verdict.chosen)];
};

// Where it is, or would go now; nowhere, when it is to go nowhere any more.
function chosenOf(instance: Instance, best: string): string {
  if (instance.spec.executor !== '') return instance.spec.executor;
  return isWanted(instance) && instance.status.state === InstanceState.PENDING ? best : '';
}

function judge(load: ExecutorLoad, demand: Demand): Pick<Verdict, 'accepted' | 'clauses' | 'rank'> {
  const clauses = filtersFor(demand).map((filter) => ({
    clause: filter.clause,
    passed: filter.passes(load, demand),
    detail: filter.explain(load, demand),
  }));
  const accepted = clauses.every((clause) => clause.passed);
  if (!accepted) return { accepted, clauses, rank: 0 };
  const rank = rankOn(load, demand);
  if (demand.rank && rank instanceof Fault) {
    const why = explainValue(demand.rank, rank, load.variablesFor(demand.process));
    clauses.push({
      clause: 'rank',
      passed: true,
      detail: `comes last: ${demand.rank.text} has no value, ${why}`,
    });
  }
  return { accepted, clauses, rank: numberOf(rank) };
}

function failures({ clauses }: Pick<Verdict, 'clauses'>): number {
  return clauses.filter((clause) => !clause.passed).length;
}

function unknownRelease({ name }: ExecutorLoad, instance: Instance): Verdict {
  return {
    executor: name,
    accepted: false,
    clauses: [{ clause: 'release', passed: false, detail: `${instance.spec.release} is gone` }],
    rank: 0,
    chosen: name === instance.spec.executor,
  };
}
