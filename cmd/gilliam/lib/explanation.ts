import type { Event } from '../../../pkg/gen/gilliam/v1/event';
import { type Instance, InstanceSpec_Desired, InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import type { ExplainInstanceResponse, Verdict } from '../../../pkg/gen/gilliam/v1/instance_service';
import { isFinished } from '../../../pkg/resource/instance';
import { nearestMiss } from '../../../pkg/scheduler/nearest-miss';
import { eventCells, eventHeading } from './events';
import { type LineOptions, instanceLine, shortName } from './instance-line';
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
    ...(instance && isFinished(instance.status?.state ?? InstanceState.UNSPECIFIED)
      ? [ending(instance)]
      : placement(verdicts, options)),
    ...(cells.length > 0 ? ['', ...latest] : []),
  ];
}

function placement(verdicts: readonly Verdict[], options: LineOptions): string[] {
  if (verdicts.length === 0) return ['no executor is known to this stage: gilliam executors'];
  return [...verdicts.flatMap((verdict) => verdictLines(verdict, options)), ...nearestMissLines(verdicts)];
}

/** Of one that is over. Where it could be placed now is of no use to it. */
function ending(instance: Instance): string {
  const { executor = '', desired, oneOff } = instance.spec ?? {};
  const { exitCode } = instance.status ?? {};
  const name = shortName(instance);
  if (executor === '') return 'it was asked to stop before it was placed';
  const exit = exitCode === undefined ? '' : ` with exit ${exitCode}`;
  const asked = desired === InstanceSpec_Desired.STOPPED ? ', as it was asked to' : '';
  const once = oneOff ? ' It was to run once.' : '';
  return `it ended on executor ${executor}${exit}${asked}.${once} What it printed: gilliam logs ${name}`;
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
