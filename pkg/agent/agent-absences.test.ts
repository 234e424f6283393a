import { InstanceState } from '../gen/gilliam/v1/instance';
import { AgentRig } from '../testing/agent-rig';
import { fakeTask } from '../testing/task';

const { RUNNING, STOPPED, STOPPING } = InstanceState;

let rig: AgentRig;

afterEach(() => rig.end());

describe('the agent is restarted', () => {
  test('it adopts what runs without touching it', async () => {
    rig = await AgentRig.open();
    const health = { check: { $case: 'tcp' as const, value: { port: 0 } } };
    rig.plane.assign(fakeTask(1), fakeTask(2, { process: { health } }));
    await rig.clock.advance(2000);
    rig.driver.calls.length = 0;
    const reports = rig.plane.reports.length;
    await rig.restart();
    await rig.clock.advance(60_000);
    expect(rig.driver.calls).toEqual([]);
    // Nothing is different, so nothing is reported: nothing flaps.
    expect(rig.plane.reports).toHaveLength(reports);
    rig.plane.assign(fakeTask(3));
    await rig.clock.advance(0);
    expect(rig.plane.status('u3')?.ports[0]?.hostPort).toBe(10_002);
  });

  test('without a control plane it keeps up what it finds', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    rig.plane.setUp(false);
    await rig.restart();
    rig.driver.exit(rig.id('u1'));
    await rig.clock.advance(1000);
    expect(rig.driver.running).toHaveLength(2);
    rig.plane.setUp(true);
    await rig.clock.advance(5000);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, restarts: 1, exitCode: 1 });
    expect(rig.plane.status('u2')).toMatchObject({ state: RUNNING, ready: true, restarts: 0 });
  });

  test('what exited meanwhile is started again, what vanished is made again', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    await rig.kill();
    rig.driver.exit(rig.id('u1'));
    rig.driver.vanish(rig.id('u2'));
    await rig.begin();
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, restarts: 1 });
    expect(rig.plane.status('u2')).toMatchObject({ state: RUNNING, ready: true, restarts: 1 });
  });

  test('in the middle of a start it goes on', async () => {
    rig = await AgentRig.open({ latencyMs: { start: 100 } });
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(50);
    await rig.restart();
    await rig.clock.advance(1000);
    expect(rig.state('u1')).toBe(RUNNING);
    expect(rig.driver.calls).toEqual(['create web-1-1', 'start web-1-1']);
  });
});

describe('the control plane is away', () => {
  test('what runs is kept running, and all is reported when it is back', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    rig.plane.setUp(false);
    rig.driver.exit(rig.id('u1'), 2);
    await rig.clock.advance(5000);
    expect(rig.driver.running).toHaveLength(2);
    rig.plane.setUp(true);
    await rig.clock.advance(3000);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, restarts: 1, exitCode: 2 });
    expect(rig.reasons()).toEqual(['Exited', 'Restarted']);
    expect(rig.driver.calls.filter((call) => call !== 'start web-1-1')).toHaveLength(3);
  });

  test('a report that was not acknowledged is sent again', async () => {
    rig = await AgentRig.open();
    rig.plane.acknowledging = false;
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(1000);
    expect(rig.plane.reports).toHaveLength(1);
    rig.plane.acknowledging = true;
    rig.plane.cut();
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true });
  });

  test('a control plane that accepts and says nothing is left', async () => {
    const quiet = new AgentRig();
    rig = quiet;
    const { connect } = quiet.plane;
    let tries = 0;
    Object.assign(quiet.plane, {
      connect: () => {
        tries++;
        const transport = connect();
        return tries > 1
          ? transport
          : {
              ...transport,
              session: async function* (_: unknown, signal: AbortSignal) {
                await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
                throw signal.reason;
                yield* [];
              },
            };
      },
    });
    await quiet.begin();
    await quiet.clock.advance(11_000);
    expect(quiet.plane.synced).toBe(1);
  });
});

describe('the engine is away', () => {
  test('the agent stays connected, says why, and goes on when it is back', async () => {
    rig = new AgentRig();
    rig.driver.setUp(false);
    await rig.begin();
    expect(rig.plane.connected).toBe(true);
    expect(rig.plane.hellos[0]?.capacity?.cpuMillis).toBeGreaterThan(0);
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(5000);
    expect(rig.plane.status('u1')).toMatchObject({ reason: 'EngineUnavailable', ready: false });
    expect(rig.plane.synced).toBe(0);
    rig.driver.setUp(true);
    await rig.clock.advance(5000);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, reason: '' });
    expect(rig.plane.synced).toBe(1);
  });

  test('the agent says so at once and with every session before it is synced, and that it is back', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    expect([rig.plane.engineSilence, rig.plane.synced]).toEqual(['', 1]);
    rig.driver.setUp(false);
    await rig.clock.advance(1);
    const why = 'the container engine does not answer: start it';
    expect(rig.plane.engineSilence).toBe(why);
    // A control plane that was started again, or another one, knows nothing of it.
    rig.plane.cut();
    await rig.clock.advance(5000);
    expect(rig.plane.hellos).toHaveLength(2);
    expect(rig.plane.order.slice(-2)).toEqual(['engine', 'synced']);
    expect(rig.plane.engineSilence).toBe(why);
    rig.driver.setUp(true);
    await rig.clock.advance(5000);
    expect(rig.plane.engineSilence).toBe('');
  });

  test('containers that run on without it are not restarted', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    rig.driver.setUp(false);
    await rig.clock.advance(5000);
    rig.driver.setUp(true);
    await rig.clock.advance(5000);
    expect(rig.driver.calls.filter((call) => call.startsWith('start'))).toHaveLength(2);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, restarts: 0 });
  });

  test('containers that ended with it are started again', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    rig.driver.setUp(false, { killing: true });
    await rig.clock.advance(5000);
    rig.driver.setUp(true);
    await rig.clock.advance(5000);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, restarts: 1 });
    expect(rig.plane.status('u2')).toMatchObject({ state: RUNNING, ready: true, restarts: 1 });
  });

  test('a stop is carried out when it is back', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.driver.setUp(false);
    rig.plane.stop('u1');
    await rig.clock.advance(5000);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPING, reason: 'EngineUnavailable' });
    rig.driver.setUp(true);
    await rig.clock.advance(5000);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, reason: '' });
  });
});

test('statuses coalesce: while a report is under way, the newest stands for all', async () => {
  rig = await AgentRig.open();
  rig.plane.acknowledging = false;
  rig.plane.assign(fakeTask(1));
  await rig.clock.advance(1000);
  for (let exit = 0; exit < 3; exit++) {
    rig.driver.exit(rig.id('u1'));
    await rig.clock.advance(5000);
  }
  rig.plane.acknowledging = true;
  rig.plane.cut();
  await rig.clock.advance(1000);
  expect(rig.plane.reports).toHaveLength(2);
  expect(rig.plane.status('u1')).toMatchObject({ ready: true, restarts: 3 });
});
