import type { Event } from '../../../pkg/gen/gilliam/v1/event';
import type { Clause, ExplainInstanceResponse, Verdict } from '../../../pkg/gen/gilliam/v1/instance_service';
import { eventCells, eventHeading } from './events';
import { type LineOptions, instanceLine } from './instance-line';
import { renderTable } from './table';

const shownEvents = 10;

/** What `gilliam why` prints: the instance, every executor's verdict, the nearest miss, the latest events. */
export function explanation(
  { instance, verdicts }: ExplainInstanceResponse,
  events: readonly Event[],
  options: LineOptions,
): string[] {
  const { colors, nowMs } = options;
  const cells = events
    .slice(-shownEvents)
    .map((event) => eventCells(event, { colors, nowMs, forPeople: true }));
  const latest = renderTable(cells, { heading: eventHeading, colors });
  return [
    ...(instance ? [instanceLine(instance, options)] : []),
    '',
    ...(verdicts.length === 0
      ? ['no executor is known to this stage: gilliam executors']
      : verdicts.flatMap((verdict) => verdictLines(verdict, options))),
    ...nearestMissLines(verdicts),
    ...(cells.length > 0 ? ['', ...latest] : []),
  ];
}

function verdictLines(
  { executor, accepted, chosen, clauses, rank }: Verdict,
  { colors }: LineOptions,
): string[] {
  const verdict = accepted ? colors.green('yes') : colors.red('no');
  const placed = chosen ? `, ${colors.bold('chosen')}` : '';
  return [
    `executor ${executor}: ${verdict}${accepted ? ` (rank ${rank})` : ''}${placed}`,
    ...clauses.map(({ clause, passed, detail }) => {
      const mark = passed ? colors.green('✓') : colors.red('✗');
      return `  ${mark} ${clause}${detail ? `: ${detail}` : ''}`;
    }),
  ];
}

/** The executor that the fewest clauses speak against, when none takes the instance. */
function nearestMissLines(verdicts: readonly Verdict[]): string[] {
  if (verdicts.length === 0 || verdicts.some((verdict) => verdict.accepted || verdict.chosen)) return [];
  const [nearest] = [...verdicts].sort((left, right) => failed(left).length - failed(right).length);
  if (!nearest) return [];
  const against = failed(nearest).map(({ clause, detail }) => (detail ? `${clause} (${detail})` : clause));
  return ['', `nearest miss: ${nearest.executor}, but for ${against.join(' and ')}`];
}

function failed(verdict: Verdict): readonly Clause[] {
  return verdict.clauses.filter((clause) => !clause.passed);
}
