import type { Client } from '../../../pkg/client/client';
import { type Event, Event_Severity } from '../../../pkg/gen/gilliam/v1/event';
import { age } from './age';
import type { Colors } from './instance-line';
import { listAll } from './list-all';

/** The events of a formation, oldest first; those about one object only, where `about` names it. */
export function listEvents(
  client: Client,
  request: { readonly parent: string; readonly about?: string },
  signal: AbortSignal,
) {
  return listAll(
    (pageToken) => client.events.listEvents({ ...request, pageToken }, { signal }),
    (answer) => answer.events,
  );
}

export const eventHeading = ['WHEN', 'SEVERITY', 'WHAT', 'REASON', 'MESSAGE'];

/** `2 minutes ago  warning  web.1  Restarted  exit 1, again in 2 s (3 times)` as cells of a table. */
export function eventCells(
  event: Event,
  options: { readonly nowMs: number; readonly forPeople: boolean; readonly colors: Colors },
): string[] {
  const { colors, forPeople, nowMs } = options;
  return [forPeople ? age(event.last, nowMs) : (event.last?.toISOString() ?? ''), ...restOf(event, colors)];
}

/** The event as a line that stands by itself: with the time of day for people, with columns apart by tabs elsewhere. */
export function eventLine(
  event: Event,
  { forPeople, colors }: { readonly forPeople: boolean; readonly colors: Colors },
): string {
  const time = forPeople ? timeOfDay(event.last) : (event.last?.toISOString() ?? '');
  return [time, ...restOf(event, colors)].join(forPeople ? '  ' : '\t');
}

function restOf(event: Event, colors: Colors): string[] {
  const warning = event.severity === Event_Severity.WARNING;
  return [
    warning ? colors.yellow('warning') : 'normal',
    event.name,
    event.reason,
    `${event.message.replace(/\s*\n\s*/g, ' ')}${event.count > 1 ? ` (${event.count} times)` : ''}`,
  ];
}

function timeOfDay(time: Date | undefined): string {
  const parts = time ? [time.getHours(), time.getMinutes(), time.getSeconds()] : [];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}
