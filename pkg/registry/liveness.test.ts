import { VirtualClock } from '../testing/virtual-clock';
import { Liveness } from './liveness';

const livenessMs = 10_000;

function setUp() {
  const clock = new VirtualClock();
  return { clock, liveness: new Liveness('e0', { clock, livenessMs }) };
}

const beat = (heartbeat: number, ageMs = 0) => ({ origin: 'e1', heartbeat, ageMs });

test('a node is up as long as its heartbeats go on, whoever passes them on', async () => {
  const { clock, liveness } = setUp();
  liveness.hear(beat(1));
  await clock.advance(9_000);
  liveness.hear(beat(2, 1_000));
  await clock.advance(8_000);
  expect(liveness.isUp('e1')).toBe(true);
  // Said again, it is no other.
  liveness.hear(beat(2));
  await clock.advance(1_000);
  expect(liveness.isUp('e1')).toBe(false);
});

test('invariant 7: a node that was never heard of may be up, until it has been expected for as long as any is', async () => {
  const { clock, liveness } = setUp();
  expect(liveness.mayBeUp('e1')).toBe(false);
  liveness.expect('e1');
  await clock.advance(9_000);
  // To be told of it again begins nothing anew.
  liveness.expect('e1');
  expect([liveness.mayBeUp('e1'), liveness.isUp('e1')]).toEqual([true, false]);
  await clock.advance(1_000);
  expect(liveness.mayBeUp('e1')).toBe(false);
  liveness.hear(beat(1));
  expect(liveness.mayBeUp('e1')).toBe(true);
  await clock.advance(livenessMs);
  expect(liveness.mayBeUp('e1')).toBe(false);
});

test('a node that is forgotten and comes back is expected anew', async () => {
  const { clock, liveness } = setUp();
  liveness.expect('e1');
  await clock.advance(livenessMs);
  liveness.forget('e1');
  liveness.expect('e1');
  expect(liveness.mayBeUp('e1')).toBe(true);
});
