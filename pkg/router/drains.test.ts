import { UnavailableError } from '../base/errors';
import { VirtualClock } from '../testing/virtual-clock';
import { Drains, type DrainsOptions } from './drains';

test('invariant 7: an old worker that cannot be asked, as during a reload, is not taken for one that has ended', async () => {
  const clock = new VirtualClock();
  let old = [7];
  const haproxy: DrainsOptions['haproxy'] = {
    pid: () => 1,
    workers: async () => ({ current: 8, old }),
    askWorker: () => Promise.reject(new UnavailableError('the master is being replaced')),
    runtime: { send: async () => [] } as unknown as DrainsOptions['haproxy']['runtime'],
  };
  let quiet = false;
  const drains = new Drains({ haproxy, clock, patienceMs: 60_000 });
  const waiting = drains.quiet([{ backend: 'shop:web', server: 's1' }]).then(() => (quiet = true));
  await clock.advance(10_000);
  expect(quiet).toBe(false);
  old = [];
  await clock.advance(1_000);
  await waiting;
  expect(quiet).toBe(true);
});
