import { InstanceState } from '../../gen/gilliam/v1/instance';
import { checked, NetworkedRig } from '../../testing/networked-rig';
import { fakeTask } from '../../testing/task';

const { RUNNING, STOPPED, STOPPING } = InstanceState;

let rig: NetworkedRig;

afterEach(() => rig.end());

describe('invariant 7', () => {
  const both = (delayMs: number | undefined) => {
    rig.network.followers.set('e1/proxy', 50).set('e2/router', delayMs);
  };
  /** The state of the world whenever a container is told to stop. */
  const watchStops = () => {
    const seen: string[] = [];
    const stop = rig.driver.stop.bind(rig.driver);
    rig.driver.stop = async (...args) => {
      seen.push(`${rig.network.entries.size} announced, ${rig.network.sending.size} send`);
      return stop(...args);
    };
    return seen;
  };

  test('invariant 7: SIGTERM comes when nobody sends requests any more', async () => {
    rig = await NetworkedRig.open();
    both(3000);
    const stops = watchStops();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.plane.stop('u1');
    await rig.clock.advance(2900);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPING, ready: false });
    expect(rig.network.entries.size).toBe(0);
    expect([...rig.network.sending]).toEqual(['shop/web.1 e2/router']);
    expect(rig.container('u1')?.state).toBe('running');
    await rig.clock.advance(200);
    expect(rig.state('u1')).toBe(STOPPED);
    expect(stops).toEqual(['0 announced, 0 send']);
    expect(rig.reasons()).toEqual([]);
  });

  test('invariant 7: after the drain time it goes on, and says who has not confirmed', async () => {
    rig = await NetworkedRig.open();
    both(undefined);
    rig.plane.assign(fakeTask(1, { process: { drainMs: 4000, graceMs: 3000 } }));
    await rig.clock.advance(2000);
    rig.driver.setStubborn(rig.id('u1'));
    rig.plane.stop('u1');
    await rig.clock.advance(3950);
    expect(rig.stops).toEqual([]);
    await rig.clock.advance(100);
    expect(rig.stops).toEqual(['stop web-1-1']);
    expect(rig.plane.events).toMatchObject([
      {
        reason: 'DrainIncomplete',
        warning: true,
        message:
          'stopped before its requests were known to have ended: e2/router had not confirmed after 4 s',
      },
    ]);
    await rig.clock.advance(2900);
    expect(rig.state('u1')).toBe(STOPPING);
    await rig.clock.advance(200);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, exitCode: 137 });
  });

  test('invariant 7: unless it says otherwise, the drain time is ten seconds', async () => {
    rig = await NetworkedRig.open();
    both(undefined);
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.plane.stop('u1');
    await rig.clock.advance(9900);
    expect(rig.stops).toEqual([]);
    await rig.clock.advance(200);
    expect(rig.state('u1')).toBe(STOPPED);
  });

  test.each(['down', 'hanging'] as const)(
    'invariant 7: a network daemon that is %s is waited for, but not for ever',
    async (how) => {
      rig = await NetworkedRig.open();
      both(50);
      rig.plane.assign(fakeTask(1, { process: { drainMs: 2000 } }), fakeTask(2));
      await rig.clock.advance(2000);
      rig.network.set(how);
      rig.plane.stop('u1');
      await rig.clock.advance(4500);
      expect(rig.container('u1')?.state).toBe('running');
      await rig.clock.advance(7000);
      expect(rig.state('u1')).toBe(STOPPED);
      expect(rig.plane.events).toMatchObject([{ reason: 'DrainIncomplete', warning: true }]);
      expect(rig.plane.events[0]?.message).toMatch(/network daemon of its executor does not answer/);
      // It was announced last before: once the daemon is back, it is taken back all the same.
      rig.network.set('up');
      await rig.clock.advance(6000);
      expect([...rig.network.entries.keys()]).toEqual(['shop/web.2']);
    },
  );

  test('invariant 7: a network daemon that comes back in time is heard', async () => {
    rig = await NetworkedRig.open();
    both(500);
    const stops = watchStops();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.network.set('down');
    rig.plane.stop('u1');
    await rig.clock.advance(2000);
    rig.network.set('up');
    await rig.clock.advance(3000);
    expect(rig.state('u1')).toBe(STOPPED);
    expect(stops).toEqual(['0 announced, 0 send']);
    expect(rig.reasons()).toEqual([]);
  });

  test('invariant 7: an agent that is killed while it drains goes on with it', async () => {
    rig = await NetworkedRig.open();
    both(3000);
    const stops = watchStops();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.plane.stop('u1');
    await rig.clock.advance(1000);
    await rig.restart();
    await rig.clock.advance(1000);
    expect(rig.container('u1')?.state).toBe('running');
    expect(rig.network.entries.size).toBe(0);
    await rig.clock.advance(2000);
    expect(rig.state('u1')).toBe(STOPPED);
    expect(stops).toEqual(['0 announced, 0 send']);
  });

  test('invariant 7: an announcement under way does not arrive after the withdrawal', async () => {
    rig = await NetworkedRig.open();
    both(10);
    const announce = rig.network.announce.bind(rig.network);
    let slow = true;
    rig.network.announce = async (...args) => {
      if (slow) await new Promise<void>((resolve) => void rig.clock.after(1000, resolve));
      return announce(...args);
    };
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(500);
    slow = false;
    rig.plane.stop('u1');
    await rig.clock.advance(400);
    expect(rig.container('u1')?.state).toBe('running');
    await rig.clock.advance(5000);
    expect(rig.state('u1')).toBe(STOPPED);
    expect(rig.network.entries.size).toBe(0);
  });

  test('a drain holds up no other instance', async () => {
    rig = await NetworkedRig.open();
    both(undefined);
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    rig.plane.stop('u1');
    await rig.clock.advance(100);
    rig.plane.assign(fakeTask(3));
    rig.driver.exit(rig.id('u2'));
    await rig.clock.advance(2000);
    expect(rig.container('u1')?.state).toBe('running');
    expect(rig.plane.status('u2')).toMatchObject({ ready: true, restarts: 1 });
    expect(rig.plane.status('u3')).toMatchObject({ state: RUNNING, ready: true });
    expect([...rig.network.entries.keys()].sort()).toEqual(['shop/web.2', 'shop/web.3']);
    await rig.clock.advance(10_000);
  });

  test('what exits while it is drained is not waited for', async () => {
    rig = await NetworkedRig.open();
    both(undefined);
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.plane.stop('u1');
    await rig.clock.advance(100);
    rig.driver.exit(rig.id('u1'), 0);
    await rig.clock.advance(10);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, exitCode: 0 });
  });

  test('what was never ready is not drained', async () => {
    rig = await NetworkedRig.open({ latencyMs: { start: 100 } });
    both(undefined);
    rig.plane.assign(fakeTask(1, { process: checked }));
    await rig.clock.advance(50);
    rig.driver.health.set(rig.id('u1'), false);
    await rig.clock.advance(500);
    rig.plane.stop('u1');
    await rig.clock.advance(10);
    expect(rig.state('u1')).toBe(STOPPED);
  });

  test('invariant 10: a lost instance is drained too, for its drain time at most, before new work begins', async () => {
    rig = await NetworkedRig.open();
    both(undefined);
    rig.plane.assign(fakeTask(1, { process: { drainMs: 3000 } }));
    await rig.clock.advance(2000);
    rig.plane.setUp(false);
    rig.plane.lose('u1');
    rig.plane.assign(fakeTask(2));
    rig.plane.setUp(true);
    await rig.clock.advance(2500);
    expect(rig.network.entries.size).toBe(0);
    expect(rig.container('u1')?.state).toBe('running');
    expect(rig.container('u2')).toBeUndefined();
    await rig.clock.advance(2500);
    expect(rig.container('u1')).toBeUndefined();
    expect(rig.container('u2')?.state).toBe('running');
  });

  test('a stray that turns out to be known after all stays announced', async () => {
    rig = await NetworkedRig.open();
    both(undefined);
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.plane.forget(['u1'], { silently: true });
    rig.plane.cut();
    // Its grace period is over, and it is being drained.
    await rig.clock.advance(35_000);
    expect(rig.network.entries.size).toBe(0);
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    expect(rig.container('u1')?.state).toBe('running');
    expect(rig.network.entries.size).toBe(1);
    await rig.clock.advance(60_000);
    expect(rig.stops).toEqual([]);
  });
});
