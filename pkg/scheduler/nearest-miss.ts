import type { Clause, Verdict } from '../gen/gilliam/v1/instance_service';

/** The executor that the fewest clauses speak against, and what would make it take the instance. */
export interface NearestMiss {
  readonly executor: string;
  /** `node-2, but for memory (needs 512 MiB, 300 MiB of 2 GiB is free)` */
  readonly text: string;
  /** For people: a command, or what to ask for in another way. */
  readonly fix: string;
}

/** Undefined where one takes it, or there is none. */
export function nearestMiss(verdicts: readonly Verdict[]): NearestMiss | undefined {
  if (verdicts.some((verdict) => verdict.accepted || verdict.chosen)) return undefined;
  const [nearest] = verdicts.toSorted((left, right) => costOf(left) - costOf(right));
  if (!nearest) return undefined;
  const against = failed(nearest);
  const reasons = against.map(({ clause, detail }) => (detail ? `${clause} (${detail})` : clause));
  return {
    executor: nearest.executor,
    text: `${nearest.executor}, but for ${reasons.join(' and ')}`,
    fix: against.map((clause) => fixOf(clause, nearest.executor)).join('; '),
  };
}

/** One clause more is worse than any one clause; of as many, what a person can do something about is nearer. */
function costOf(verdict: Verdict): number {
  return failed(verdict).reduce((sum, { clause }) => sum + 10 + (hardness[clause] ?? 2), 0);
}

/** How much it takes to change it, up to 9. */
const hardness: Readonly<Record<string, number>> = {
  cordoned: 0,
  cpu: 3,
  memory: 3,
  volume: 6,
  ready: 8,
  release: 9,
};

function fixOf({ clause, detail }: Clause, executor: string): string {
  switch (clause) {
    case 'ready':
      return /joining/.test(detail)
        ? `wait until ${executor} has joined`
        : `start the executor on ${executor} again: gilliam executors`;
    case 'cordoned':
      return `gilliam executor uncordon ${executor}`;
    case 'cpu':
    case 'memory':
      return `ask for less ${clause} in resources, scale something on ${executor} down, or add an executor`;
    case 'volume':
      return `bring the executor of its volume back, or give the volume up: gilliam volumes`;
    case 'executor':
      return `leave --executor out, or name one of gilliam executors`;
    case 'release':
      return 'scale a release that exists: gilliam releases';
    default:
      return `start an executor that fulfils ${clause}, or change the requirement`;
  }
}

function failed(verdict: Verdict): readonly Clause[] {
  return verdict.clauses.filter((clause) => !clause.passed);
}
