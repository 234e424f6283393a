import { InstanceState } from '../gen/gilliam/v1/instance';
import { AgentRig } from '../testing/agent-rig';
import { fakeTask } from '../testing/task';

const { RUNNING, STOPPED } = InstanceState;

let rig: AgentRig;

afterEach(() => rig.end());

describe('restarts', () => {
  test('an exited container runs again after half a second, and says so meanwhile', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    const id = rig.id('u1');
    rig.driver.print(id, 'Error: out of luck', 'stderr');
    rig.driver.exit(id, 1);
    await rig.clock.advance(499);
    expect(rig.plane.status('u1')).toMatchObject({
      state: RUNNING,
      ready: false,
      reason: 'Restarting',
      message: 'exit 1: Error: out of luck, restart 1 in 0.5 s',
      exitCode: 1,
    });
    expect(rig.driver.running).toEqual([]);
    await rig.clock.advance(2);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, reason: '', restarts: 1 });
    expect(rig.id('u1')).toBe(id);
    expect(rig.plane.events.map(({ reason, message }) => `${reason} ${message}`)).toEqual([
      'Exited exit 1: Error: out of luck',
      'Restarted restart 1',
    ]);
  });

  test('the back-off doubles up to a minute, and begins anew after a minute up', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(0);
    const waits: number[] = [];
    for (let exit = 0; exit < 9; exit++) {
      rig.driver.exit(rig.id('u1'), 1);
      const from = rig.clock.now();
      while (rig.driver.running.length === 0) await rig.clock.advance(100);
      waits.push(rig.clock.now() - from);
      await rig.clock.advance(10);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    await rig.clock.advance(60_000);
    rig.driver.exit(rig.id('u1'), 1);
    await rig.clock.advance(600);
    expect(rig.driver.running).toHaveLength(1);
  });

  test.each([
    ['boom: config missing', 'started again after exit 3: boom: config missing'],
    ['b'.repeat(300), `started again after exit 3: ${'b'.repeat(159)}…`],
    ['', 'started again after exit 3'],
  ])('what is started again says why until it is ready', async (line, message) => {
    rig = await AgentRig.open();
    const check = { $case: 'tcp' as const, value: { port: 0 } };
    rig.plane.assign(fakeTask(1, { process: { health: { check } } }));
    await rig.clock.advance(2000);
    rig.driver.health.set(rig.id('u1'), false);
    if (line) rig.driver.print(rig.id('u1'), line, 'stderr');
    rig.driver.exit(rig.id('u1'), 3);
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({ ready: false, restarts: 1, exitCode: 3, message });
    rig.driver.health.set(rig.id('u1'), true);
    await rig.clock.advance(2000);
    expect(rig.plane.status('u1')).toMatchObject({ ready: true, message: '' });
  });

  test('a container that ran out of memory says so', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.driver.exit(rig.id('u1'), 137, { outOfMemory: true });
    await rig.clock.advance(10);
    expect(rig.plane.status('u1')?.message).toBe('out of memory, restart 1 in 0.5 s');
  });

  test('a container that somebody removed is made again', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    const before = rig.id('u1');
    rig.driver.vanish(before);
    await rig.clock.advance(10);
    expect(rig.plane.status('u1')).toMatchObject({
      state: RUNNING,
      ready: false,
      reason: 'Restarting',
      message: 'its container was removed, restart 1 in 0.5 s',
    });
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, restarts: 1 });
    expect(rig.id('u1')).not.toBe(before);
  });

  test('an exit that happens while the engine is asked is not missed', async () => {
    rig = await AgentRig.open();
    const inspect = rig.driver.inspect.bind(rig.driver);
    rig.driver.inspect = async (...args) => {
      const seen = await inspect(...args);
      rig.driver.inspect = inspect;
      rig.driver.exit(rig.id('u1'), 3);
      await rig.clock.settle();
      return seen;
    };
    const check = { $case: 'tcp' as const, value: { port: 0 } };
    rig.plane.assign(fakeTask(1, { process: { health: { check } } }));
    for (let turn = 0; turn < 10; turn++) await rig.clock.advance(10);
    expect(rig.plane.status('u1')).toMatchObject({ reason: 'Restarting', exitCode: 3 });
  });

  test('a missed event costs time only', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.driver.muted = true;
    rig.driver.exit(rig.id('u1'));
    await rig.clock.advance(61_000);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, restarts: 1 });
  });

  test('a stop during the back-off does not wait for it', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    for (let exit = 0; exit < 5; exit++) {
      await rig.clock.advance(20_000);
      rig.driver.exit(rig.id('u1'));
    }
    await rig.clock.advance(100);
    rig.plane.stop('u1');
    await rig.clock.advance(0);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, exitCode: 1 });
    expect(rig.driver.containers).toEqual([]);
  });
});

describe('health', () => {
  const health = {
    check: { $case: 'tcp' as const, value: { port: 0 } },
    intervalMs: 1000,
    failureThreshold: 3,
  };

  test('three failures in a row make it unready, one success ready', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1, { process: { health } }));
    await rig.clock.advance(100);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true });
    rig.driver.health.set(rig.id('u1'), false);
    await rig.clock.advance(2900);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: false, reason: 'Unhealthy' });
    expect(rig.reasons()).toEqual(['Unhealthy']);
    rig.driver.health.set(rig.id('u1'), true);
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, reason: '' });
  });

  test('a restarted instance is ready again when its check passes', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1, { process: { health } }));
    await rig.clock.advance(2000);
    rig.driver.health.set(rig.id('u1'), false);
    rig.driver.exit(rig.id('u1'));
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({
      state: RUNNING,
      ready: false,
      reason: 'Restarting',
      restarts: 1,
    });
    rig.driver.health.set(rig.id('u1'), true);
    await rig.clock.advance(600);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, reason: '' });
  });

  test('a command in the container is a check, too', async () => {
    rig = await AgentRig.open();
    const check = { $case: 'command' as const, value: { command: ['check'] } };
    rig.plane.assign(fakeTask(1, { process: { health: { ...health, check } } }));
    await rig.clock.advance(300);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true });
    rig.driver.health.set(rig.id('u1'), false);
    await rig.clock.advance(3000);
    expect(rig.plane.status('u1')).toMatchObject({ ready: false, message: 'check exited with 1' });
  });
});
