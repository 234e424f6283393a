import { VirtualClock } from '../testing/virtual-clock';
import { type Signals, stopProcess } from './stop-process';

const target = { pid: 7, startTicks: 1, bootId: 'b' };

/** A process that ends `afterMs` its SIGTERM; undefined: not at all. */
function signalsTo(clock: VirtualClock, afterMs: number | undefined, alive = true) {
  const sent: string[] = [];
  const signals: Signals = {
    isAlive: () => alive,
    kill: (_, signal) => {
      sent.push(`${signal} at ${clock.monotonic()}`);
      if (signal === 'SIGKILL') alive = false;
      else if (afterMs !== undefined) clock.after(afterMs, () => (alive = false));
    },
  };
  return { signals, sent };
}

test.each<[string, number | undefined, boolean, string, string[]]>([
  ['that is gone is sent nothing', undefined, false, 'gone', []],
  ['may end by itself', 300, true, 'stopped', ['SIGTERM at 0']],
  ['that does not is killed after its grace', undefined, true, 'killed', ['SIGTERM at 0', 'SIGKILL at 1000']],
])('a process %s', async (_, afterMs, alive, expected, expectedSent) => {
  const clock = new VirtualClock();
  const { signals, sent } = signalsTo(clock, afterMs, alive);
  const end = stopProcess(target, 1000, { clock, signals });
  await clock.advance(2000);
  expect(await end).toBe(expected);
  expect(sent).toEqual(expectedSent);
});
