import { CancelledError, PreconditionError } from '../base/errors';
import { VirtualClock } from '../testing/virtual-clock';
import { BuildEnd } from './build-end';

function begin() {
  const clock = new VirtualClock();
  const caller = new AbortController();
  return { clock, caller, end: new BuildEnd(clock, 60_000, caller.signal) };
}
const cause = new Error('aborted');
const reasonOf = (end: BuildEnd) => end.reason('step 2/3 RUN x', cause);

test('a build that nothing has ended has its own error', () => {
  const { end } = begin();
  expect([end.signal.aborted, reasonOf(end)]).toEqual([false, undefined]);
  end.dispose();
  // The engine is told that nobody reads any more; what was wrong does not change by that.
  expect([end.signal.aborted, reasonOf(end)]).toEqual([true, undefined]);
});

test('what takes too long is stopped, and says where', async () => {
  const { clock, end } = begin();
  await clock.advance(60_000);
  expect(end.signal.aborted).toBe(true);
  expect(reasonOf(end)).toEqual(
    new PreconditionError('step 2/3 RUN x has not ended within 60 s: the build was stopped', { cause }),
  );
});

test('the first silence is what is told', () => {
  const { end } = begin();
  end.silent('the registry a is silent');
  end.silent('the registry b is silent');
  expect(end.signal.aborted).toBe(true);
  expect(reasonOf(end)).toEqual(new PreconditionError('step 2/3 RUN x failed: the registry a is silent'));
});

test('whoever cancels is told so, whatever else has happened', async () => {
  const { clock, caller, end } = begin();
  caller.abort();
  end.silent('the registry a is silent');
  await clock.advance(60_000);
  expect(reasonOf(end)).toEqual(new CancelledError('the build was cancelled', { cause }));
});
