import { VirtualClock } from '../testing/virtual-clock';
import { Expiry } from './expiry';

describe('Expiry', () => {
  const clock = new VirtualClock();

  test('is lost two thirds of the time to live after the sending of the last renewal', async () => {
    const expiry = new Expiry(clock, 9000, clock.monotonic());
    await clock.advance(3000);
    expiry.renewed(clock.monotonic() - 1000);
    await clock.advance(4999);
    expect(expiry.lost.aborted).toBe(false);
    await clock.advance(1);
    expect(expiry.lost.aborted).toBe(true);
    // Too late.
    expiry.renewed(clock.monotonic());
    expect(expiry.lost.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('a renewal that is acknowledged out of order takes nothing back', async () => {
    const expiry = new Expiry(clock, 9000, clock.monotonic());
    expiry.renewed(clock.monotonic());
    expiry.renewed(clock.monotonic() - 3000);
    await clock.advance(5999);
    expect(expiry.lost.aborted).toBe(false);
    expiry.dispose();
    expect(expiry.lost.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('a grant whose answer came too late is lost at once', () => {
    expect(new Expiry(clock, 3000, clock.monotonic() - 2000).lost.aborted).toBe(true);
  });
});
