import { Event_Severity } from '../gen/gilliam/v1/event';
import type { Happening } from './event';
import { eventName, mergeEvent } from './event';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
const happening = (over: Partial<Happening> = {}): Happening => ({
  formation: 'shop',
  kind: 'Instance',
  name: 'web.1',
  uid: 'u1',
  reason: 'Restarted',
  message: 'exited with 1',
  at: at(10),
  ...over,
});

test('an event is named for what happened to what, so that repetitions count up', () => {
  expect(eventName(happening())).toBe('instance.web.1.restarted');
});

test('what is done to something is an event of its own for each message, so that none hides another', () => {
  const scaled = (message: string) =>
    eventName(happening({ kind: 'Release', name: 'v1', reason: 'Scaled', message }));
  expect(scaled('v1 was scaled to web=2')).toMatch(/^release\.v1\.scaled\.[0-9a-f]{8}$/);
  expect(scaled('v1 was scaled to web=2')).toBe(scaled('v1 was scaled to web=2'));
  expect(scaled('v1 was scaled to nothing')).not.toBe(scaled('v1 was scaled to web=2'));
});

test('what an instance goes through is one event whatever it says, so that a crash loop stays one', () => {
  expect(eventName(happening({ message: 'restart 1' }))).toBe(eventName(happening({ message: 'restart 2' })));
});

test('a message that is cut has the name of what is kept of it', () => {
  const long = 'x'.repeat(1_000);
  const name = (message: string) => eventName(happening({ kind: 'Release', message }));
  expect(name(`${long}1`)).toBe(name(`${long}2`));
});

test('the first happening makes an event', () => {
  expect(mergeEvent(undefined, happening({ warning: true }), () => 'e1')).toMatchObject({
    metadata: { name: 'instance.web.1.restarted', formation: 'shop', uid: 'e1' },
    severity: Event_Severity.WARNING,
    kind: 'Instance',
    name: 'web.1',
    uid: 'u1',
    reason: 'Restarted',
    message: 'exited with 1',
    count: 1,
    first: at(10),
    last: at(10),
  });
});

test('a repetition counts up, and the newest message and object stand', () => {
  const first = mergeEvent(undefined, happening(), () => 'e1');
  const second = mergeEvent(
    first,
    happening({ message: 'exited with 2', uid: 'u2', at: at(20) }),
    () => 'e2',
  );
  expect(second).toMatchObject({
    metadata: { uid: 'e1' },
    uid: 'u2',
    message: 'exited with 2',
    count: 2,
    first: at(10),
    last: at(20),
  });
});

test('a late happening counts, but does not take the place of a newer one', () => {
  const first = mergeEvent(undefined, happening({ at: at(20) }), () => 'e1');
  const second = mergeEvent(first, happening({ message: 'late', at: at(5) }), () => 'e2');
  expect(second).toMatchObject({ message: 'exited with 1', count: 2, first: at(5), last: at(20) });
});
