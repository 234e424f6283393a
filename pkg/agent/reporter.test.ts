import { InstanceState, InstanceStatus } from '../gen/gilliam/v1/instance';
import { Reporter } from './reporter';
import { patchStatus, sameStatus } from './status';

const identity = (uid: string) => ({
  uid,
  formation: 'shop',
  name: uid,
  shortName: uid,
  release: 'v1',
  graceMs: 1,
});
const status = (restarts: number) => InstanceStatus.fromPartial({ state: InstanceState.RUNNING, restarts });
const event = (message: string) => ({
  formation: 'shop',
  name: 'a',
  uid: 'a',
  reason: 'Exited',
  message,
  warning: false,
  time: undefined,
});
const restarts = (reporter: Reporter) =>
  reporter.take()?.instances.map((report) => `${report.uid} ${report.status?.restarts}`);

test('one report is under way at a time; the newest status stands for all before it', () => {
  const reporter = new Reporter(() => {});
  reporter.status(identity('a'), status(1));
  expect(restarts(reporter)).toEqual(['a 1']);
  reporter.status(identity('a'), status(2));
  reporter.status(identity('b'), status(0));
  reporter.status(identity('a'), status(3));
  expect(reporter.take()).toBeUndefined();
  reporter.acknowledged(7n);
  expect(reporter.take()).toBeUndefined();
  reporter.acknowledged(1n);
  expect(restarts(reporter)).toEqual(['b 0', 'a 3']);
});

test('a new session: what was not acknowledged goes again, unless there is something newer', () => {
  const reporter = new Reporter(() => {});
  reporter.status(identity('a'), status(1));
  reporter.status(identity('b'), status(1));
  reporter.event(event('one'));
  reporter.take();
  reporter.status(identity('a'), status(2));
  reporter.event(event('two'));
  reporter.reconnected();
  const report = reporter.take();
  expect(report?.sequence).toBe(1n);
  expect(report?.instances.map((one) => `${one.uid} ${one.status?.restarts}`)).toEqual(['a 2', 'b 1']);
  expect(report?.events.map(({ message }) => message)).toEqual(['one', 'two']);
});

test('what waits is bounded: one status an instance, the newest thousand events', () => {
  const reporter = new Reporter(() => {});
  for (let count = 0; count < 5000; count++) {
    reporter.status(identity('a'), status(count));
    reporter.event(event(String(count)));
  }
  let events = 0;
  let first: string | undefined;
  for (let report = reporter.take(); report; report = reporter.take()) {
    events += report.events.length;
    first ??= report.events[0]?.message;
    reporter.acknowledged(report.sequence);
  }
  expect(events).toBe(1000);
  expect(first).toBe('4000');
});

test('a state never goes back, and `changed` moves with state and readiness only', () => {
  const starting = patchStatus(
    InstanceStatus.fromPartial({ state: InstanceState.ASSIGNED }),
    { state: InstanceState.STARTING },
    1000,
  );
  expect(starting).toMatchObject({ state: InstanceState.STARTING, changed: new Date(1000) });
  const running = patchStatus(starting, { state: InstanceState.RUNNING, ready: true }, 2000);
  expect(running.changed).toEqual(new Date(2000));
  const restarted = patchStatus(running, { state: InstanceState.STARTING, restarts: 1 }, 3000);
  expect(restarted).toMatchObject({ state: InstanceState.RUNNING, restarts: 1, changed: new Date(2000) });
  expect(patchStatus(restarted, { restarts: 1 }, 4000)).toBe(restarted);
  expect(sameStatus(restarted, { ...restarted, changed: new Date(9000) })).toBe(true);
});
