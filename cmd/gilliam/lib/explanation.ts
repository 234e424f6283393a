import type { Event } from '../../../pkg/gen/gilliam/v1/event';
import type { ExplainInstanceResponse, Verdict } from '../../../pkg/gen/gilliam/v1/instance_service';
import { nearestMiss } from '../../../pkg/scheduler/nearest-miss';
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

/** What stands in the way, and what to do about it. */
function nearestMissLines(verdicts: readonly Verdict[]): string[] {
  const miss = nearestMiss(verdicts);
  return miss ? ['', `nearest miss: ${miss.text}`, `to place it: ${miss.fix}`] : [];
}
