import { isAuxiliary } from './auxiliary';
import { entryOf } from './entries';
import type { Rollout } from './objects';
import { DEFAULT_SURGE } from './rollout';

/** What a rollout will do, in words: a line each. */
export function rolloutSteps({ spec, status }: Pick<Rollout, 'spec' | 'status'>): string[] {
  const { to, canary, immediate, waitHealthyMs, paceMs } = spec;
  const had = (release: string, process: string) =>
    entryOf(entryOf(status.original, release)?.factors ?? {}, process) ?? 0;
  const goals = Object.entries(spec.factors).sort(([a], [b]) => (a < b ? -1 : 1));
  const moves = goals.map(([process, goal]) => {
    const before = spec.from
      .filter((release) => had(release, process) > 0)
      .map((release) => `${release} ${had(release, process)}`);
    const own = had(to, process);
    if (own > 0) before.push(`${to} ${own}`);
    const whole = isAuxiliary(process) ? ', whole and first' : '';
    return `${process}: ${before.join(' and ') || 'none'} → ${to} ${goal}${whole}`;
  });
  const lost = spec.from.flatMap((release) =>
    Object.keys(entryOf(status.original, release)?.factors ?? {})
      .filter((process) => had(release, process) > 0 && entryOf(spec.factors, process) === undefined)
      .map((process) => `${process}: ${release} ${had(release, process)} → none, last`),
  );
  const surge = spec.surge || DEFAULT_SURGE;
  const health = waitHealthyMs > 0 ? `healthy for ${waitHealthyMs / 1_000} s` : 'healthy';
  const pace = paceMs > 0 && !immediate ? `, one every ${paceMs / 1_000} s` : '';
  const size = immediate ? 'all new ones at once' : `${surge} more than the factors at most${pace}`;
  const steps = [...moves, ...lost, `new before old: ${size}; an old one goes when a new one is ${health}`];
  if (canary?.size) {
    const { $case, value } = canary.size;
    const share =
      canary.trafficPercent === undefined ? '' : ` with ${canary.trafficPercent} % of the requests`;
    const of = $case === 'instances' ? `${value} of each process` : `${value} % of each process`;
    steps.push(`stops at ${of}${share}, until promoted or aborted`);
  }
  return steps;
}
