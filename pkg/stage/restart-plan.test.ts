import fc from 'fast-check';
import { type ComponentState, exited, neverStarted, planRestarts, settledMs, started } from './restart-plan';

/** How long after each of these exits the component is started again, each exit `upMs` after the start. */
function delaysMs(upMs: readonly number[]): number[] {
  let nowMs = 0;
  let state = started(neverStarted, nowMs);
  return upMs.map((up) => {
    nowMs += up;
    state = exited(state, nowMs);
    const delay = state.notBeforeMs - nowMs;
    nowMs = state.notBeforeMs;
    state = started(state, nowMs);
    return delay;
  });
}

describe('restarts', () => {
  test.each<[string, number[], number[]]>([
    ['the first restart is at once', [60_000], [0]],
    [
      'one that keeps failing waits longer and longer, 10 s at most',
      [0, 0, 0, 0, 0, 0, 0, 0],
      [0, 500, 1000, 2000, 4000, 8000, 10_000, 10_000],
    ],
    [
      'one that was up for a while starts from the beginning',
      [0, 0, settledMs, 0, 0],
      [0, 500, 0, 500, 1000],
    ],
  ])('%s', (_, upMs, expected) => expect(delaysMs(upMs)).toEqual(expected));

  test('what runs is left alone, what is down is started when its time has come', () => {
    const state = (part: Partial<ComponentState>): ComponentState => ({ ...neverStarted, ...part });
    const states = new Map([
      ['runs', state({ running: true })],
      ['due', state({ notBeforeMs: 100 })],
      ['soon', state({ notBeforeMs: 150 })],
      ['later', state({ notBeforeMs: 900 })],
    ]);
    expect(planRestarts(states, 100)).toEqual({ start: ['due'], wakeAtMs: 150 });
  });

  test('whatever happened, a component that is down has a time at which it is started, at most 10 s away', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30_000), { maxLength: 30 }), (upMs) => {
        for (const delay of delaysMs(upMs)) expect(delay).toBeLessThanOrEqual(10_000);
      }),
    );
  });
});
