import { InstanceState } from '../gen/gilliam/v1/instance';
import { AgentRig } from '../testing/agent-rig';
import type { FakeDriverOptions } from '../testing/fake-driver';
import { failures } from '../testing/fake-driver';
import { fakeTask } from '../testing/task';
import type { AgentConfig } from './config';

const { RUNNING, STARTING, STOPPED, STOPPING, FAILED, PULLING } = InstanceState;

let rig: AgentRig;

async function open(
  options: Partial<FakeDriverOptions> = {},
  config: Partial<AgentConfig> = {},
): Promise<AgentRig> {
  rig = await new AgentRig(options, config).begin();
  return rig;
}

afterEach(() => rig.end());

describe('a new instance', () => {
  test('is made, started and reported as running, with its port', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(0);
    expect(rig.plane.status('u1')).toMatchObject({
      state: RUNNING,
      ready: true,
      host: '10.0.0.1',
      ports: [{ name: '', containerPort: 8080, hostPort: 10_000 }],
      restarts: 0,
      containerId: rig.id('u1'),
    });
    expect(rig.driver.calls).toEqual(['create web-1-1', 'start web-1-1']);
    expect(rig.container('u1')?.spec.environment).toMatchObject({ PORT: '8080', GREETING: 'hello' });
  });

  test('invariant 2: one container each, however often they are assigned', async () => {
    await open();
    const tasks = Array.from({ length: 20 }, (_, index) => fakeTask(index + 1));
    rig.plane.assign(...tasks);
    rig.plane.assign(...tasks);
    rig.plane.cut();
    await rig.clock.advance(5000);
    rig.plane.assign(...tasks);
    await rig.clock.advance(100);
    expect(rig.driver.running).toHaveLength(20);
    expect(rig.driver.calls.filter((call) => call.startsWith('create'))).toHaveLength(20);
    const ports = rig.driver.running.map((container) => container.ports[0]?.hostPort);
    expect([...ports].sort()).toEqual(Array.from({ length: 20 }, (_, index) => 10_000 + index));
  });

  test('invariant 2: a create that fails although it has created is found by its name', async () => {
    await open();
    rig.driver.fail('create', failures.engine, { done: true });
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(1000);
    expect(rig.state('u1')).toBe(RUNNING);
    expect(rig.driver.containers).toHaveLength(1);
  });

  test('a create that fails although it has created, of an instance that is then forgotten, is swept', async () => {
    await open();
    rig.driver.fail('create', failures.fault, { done: true, times: 1 });
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(0);
    rig.plane.forget(['u1']);
    await rig.clock.advance(120_000);
    expect(rig.driver.containers).toEqual([]);
  });

  test('with a health check runs once that passes', async () => {
    await open({ latencyMs: { start: 100 } });
    rig.plane.assign(
      fakeTask(1, { process: { health: { check: { $case: 'http', value: { path: '/health', port: 0 } } } } }),
    );
    await rig.clock.advance(50);
    rig.driver.health.set(rig.id('u1'), false);
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({ state: STARTING, ready: false, reason: '' });
    await rig.clock.advance(3000);
    expect(rig.plane.status('u1')).toMatchObject({
      state: STARTING,
      reason: 'Unhealthy',
      message: 'GET /health on port 8080 refused the connection',
    });
    rig.driver.health.set(rig.id('u1'), true);
    await rig.clock.advance(500);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, reason: '', message: '' });
  });

  test('is stopped before it was made when that is wished', async () => {
    await open({ latencyMs: { create: 100 } }, { concurrency: { creates: 1 } });
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(50);
    rig.plane.stop('u2');
    await rig.clock.advance(1000);
    expect(rig.state('u2')).toBe(STOPPED);
    expect(rig.driver.calls).toEqual(['create web-1-1', 'start web-1-1']);
  });
});

describe('what cannot be started', () => {
  test('an image id that the engine does not have fails at once', async () => {
    await open({ images: [] });
    rig.plane.assign(fakeTask(1, { image: 'sha256:00' }));
    await rig.clock.advance(0);
    expect(rig.plane.status('u1')).toMatchObject({ state: FAILED, reason: 'ImageMissing' });
    expect(rig.plane.status('u1')?.message).toMatch(/sha256:00 is not on this executor/);
    expect(rig.reasons()).toEqual(['Failed']);
  });

  test('an image of a registry is pulled once for all, with back-off', async () => {
    const image = 'registry.example:5000/shop@sha256:11';
    await open({ images: [], registry: [image], latencyMs: { pull: 300 } });
    rig.driver.fail('pull', failures.pull, { times: 2 });
    rig.plane.assign(fakeTask(1, { image }), fakeTask(2, { image }));
    await rig.clock.advance(100);
    expect(rig.plane.status('u1')).toMatchObject({ state: PULLING });
    await rig.clock.advance(250);
    expect(rig.plane.status('u1')).toMatchObject({ state: PULLING, reason: 'PullFailed' });
    expect(rig.plane.status('u1')?.message).toMatch(/connection refused; retrying in 0?\.?\d s/);
    await rig.clock.advance(10_000);
    expect(rig.driver.running).toHaveLength(2);
    expect(rig.driver.calls.filter((call) => call.startsWith('pull'))).toHaveLength(1);
  });

  test('an image that the registry does not have fails', async () => {
    await open({ images: [] });
    rig.plane.assign(fakeTask(1, { image: 'registry.example/none@sha256:11' }));
    await rig.clock.advance(10);
    expect(rig.plane.status('u1')).toMatchObject({ state: FAILED, reason: 'ImageMissing' });
  });

  test('a command that is not there fails, saying so', async () => {
    await open();
    rig.driver.badCommands.add('nosuch');
    rig.plane.assign(fakeTask(1, { process: { command: ['nosuch'] } }));
    await rig.clock.advance(0);
    expect(rig.plane.status('u1')).toMatchObject({ state: FAILED, reason: 'BadCommand' });
    expect(rig.plane.status('u1')?.message).toMatch(/executable file not found/);
  });

  test('a command that the shell does not find fails with the line that the shell printed', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    rig.driver.print(rig.id('u1'), '/bin/sh: 1: nosuch: not found', 'stderr');
    rig.driver.exit(rig.id('u1'), 127);
    await rig.clock.advance(10);
    expect(rig.plane.status('u1')).toMatchObject({
      state: FAILED,
      reason: 'BadCommand',
      message: 'exit 127: /bin/sh: 1: nosuch: not found',
      exitCode: 127,
    });
    await rig.clock.advance(60_000);
    expect(rig.driver.running).toEqual([]);
    // Kept for its log, for a while beyond being forgotten.
    rig.plane.forget(['u1']);
    await rig.clock.advance(9 * 60_000);
    rig.plane.wantLogs({ stream: 's', uid: 'u1' });
    await rig.clock.advance(0);
    expect(rig.plane.logs.get('s')?.lines).toHaveLength(1);
    await rig.clock.advance(2 * 60_000);
    expect(rig.driver.containers).toEqual([]);
  });

  test('exit 127 of what has long been running is an exit like any other', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(5000);
    rig.driver.exit(rig.id('u1'), 127);
    await rig.clock.advance(600);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, restarts: 1 });
  });

  test('an engine that fails at it for its own reasons is given a few tries', async () => {
    await open();
    rig.driver.fail('start', failures.fault, { times: 99 });
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    expect(rig.plane.status('u1')).toMatchObject({ state: STARTING, reason: 'StartFailed' });
    expect(rig.plane.status('u1')?.message).toMatch(/no space left on device; retrying in/);
    await rig.clock.advance(60_000);
    expect(rig.plane.status('u1')).toMatchObject({ state: FAILED, reason: 'StartFailed' });
  });
});

describe('ports', () => {
  test('one that something else on the host has is passed over', async () => {
    await open();
    rig.driver.takenPorts.add(10_000).add(10_002);
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(0);
    const ports = ['u1', 'u2'].map((uid) => rig.plane.status(uid)?.ports[0]?.hostPort);
    expect([...ports].sort()).toEqual([10_001, 10_003]);
  });

  test('one that is taken between the probe and the start is replaced', async () => {
    await open({ latencyMs: { create: 100 } });
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(50);
    rig.driver.takenPorts.add(10_000);
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({
      state: RUNNING,
      ports: [{ hostPort: 10_001 }],
      restarts: 0,
    });
    expect(rig.driver.containers).toHaveLength(1);
    expect(rig.reasons()).toContain('PortTaken');
  });

  test('an instance keeps its port through a restart, and when its container is made again', async () => {
    await open();
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(0);
    rig.plane.stop('u1');
    await rig.clock.advance(0);
    rig.driver.exit(rig.id('u2'));
    await rig.clock.advance(1000);
    expect(rig.plane.status('u2')?.ports[0]?.hostPort).toBe(10_001);
    rig.driver.vanish(rig.id('u2'));
    await rig.clock.advance(2000);
    expect(rig.plane.status('u2')).toMatchObject({ state: RUNNING, ready: true, restarts: 2 });
    expect(rig.plane.status('u2')?.ports[0]?.hostPort).toBe(10_001);
  });

  test('one that is taken while the instance is in back-off is replaced, and counted as a restart', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(0);
    rig.driver.exit(rig.id('u1'));
    rig.driver.takenPorts.add(10_000);
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({ ready: true, restarts: 1, ports: [{ hostPort: 10_001 }] });
  });
});

describe('restarts', () => {
  test('an exited container runs again after half a second, and says so meanwhile', async () => {
    await open();
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
    await open();
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
    await open();
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
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.driver.exit(rig.id('u1'), 137, { outOfMemory: true });
    await rig.clock.advance(10);
    expect(rig.plane.status('u1')?.message).toBe('out of memory, restart 1 in 0.5 s');
  });

  test('a container that somebody removed is made again', async () => {
    await open();
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
    await open();
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
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.driver.muted = true;
    rig.driver.exit(rig.id('u1'));
    await rig.clock.advance(61_000);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, restarts: 1 });
  });

  test('a stop during the back-off does not wait for it', async () => {
    await open();
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
    await open();
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
    await open();
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
    await open();
    const check = { $case: 'command' as const, value: { command: ['check'] } };
    rig.plane.assign(fakeTask(1, { process: { health: { ...health, check } } }));
    await rig.clock.advance(300);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true });
    rig.driver.health.set(rig.id('u1'), false);
    await rig.clock.advance(3000);
    expect(rig.plane.status('u1')).toMatchObject({ ready: false, message: 'check exited with 1' });
  });
});

describe('stopping', () => {
  test('SIGTERM, then removal', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    rig.plane.stop('u1');
    await rig.clock.advance(0);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, ready: false, exitCode: 143 });
    expect(rig.driver.containers).toEqual([]);
    rig.plane.assign(fakeTask(2));
    await rig.clock.advance(0);
    expect(rig.plane.status('u2')?.ports[0]?.hostPort).toBe(10_000);
  });

  test('SIGKILL when the grace period is over', async () => {
    await open();
    rig.plane.assign(fakeTask(1, { process: { graceMs: 3000 } }));
    await rig.clock.advance(100);
    rig.driver.setStubborn(rig.id('u1'));
    rig.plane.stop('u1');
    await rig.clock.advance(2900);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPING, ready: false });
    await rig.clock.advance(200);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, exitCode: 137 });
  });
});

describe('the agent is restarted', () => {
  test('it adopts what runs without touching it', async () => {
    await open();
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
    await open();
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
    await open();
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
    await open({ latencyMs: { start: 100 } });
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(50);
    await rig.restart();
    await rig.clock.advance(1000);
    expect(rig.state('u1')).toBe(RUNNING);
    expect(rig.driver.calls).toEqual(['create web-1-1', 'start web-1-1']);
  });
});

describe('what should not run here', () => {
  test('invariant 10: containers of lost instances are stopped before new work begins', async () => {
    await open();
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    rig.driver.setStubborn(rig.id('u1'));
    expect(rig.plane.synced).toBe(1);
    rig.plane.setUp(false);
    await rig.clock.advance(1000);
    rig.plane.lose('u1');
    rig.plane.assign(fakeTask(3));
    rig.plane.setUp(true);
    await rig.clock.advance(9000);
    expect(rig.plane.synced).toBe(1);
    expect(rig.container('u3')).toBeUndefined();
    await rig.clock.advance(4000);
    expect(rig.plane.synced).toBe(2);
    expect(rig.container('u1')).toBeUndefined();
    expect(rig.container('u2')?.state).toBe('running');
    expect(rig.container('u3')?.state).toBe('running');
    expect(rig.driver.calls.slice(-3)).toEqual(['remove web-1-1', 'create web-3-1', 'start web-3-1']);
  });

  test('invariant 10: also when the agent was restarted meanwhile', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    await rig.kill();
    rig.plane.lose('u1');
    rig.plane.assign(fakeTask(2));
    await rig.begin();
    await rig.clock.advance(100);
    expect(rig.driver.calls.slice(-4)).toEqual([
      'stop web-1-1',
      'remove web-1-1',
      'create web-2-1',
      'start web-2-1',
    ]);
  });

  test('a container of an instance that nobody knows is removed after a grace period', async () => {
    await open();
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    await rig.kill();
    rig.plane.forget(['u1'], { silently: true });
    await rig.begin();
    await rig.clock.advance(29_000);
    expect(rig.container('u1')?.state).toBe('running');
    expect(rig.plane.synced).toBe(1);
    await rig.clock.advance(2000);
    expect(rig.container('u1')).toBeUndefined();
    expect(rig.container('u2')?.state).toBe('running');
    expect(rig.plane.synced).toBe(2);
  });

  test('one that turns out to be known after all runs on', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.plane.forget(['u1'], { silently: true });
    rig.plane.cut();
    await rig.clock.advance(5000);
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(60_000);
    expect(rig.driver.calls).toEqual(['create web-1-1', 'start web-1-1']);
    expect(rig.plane.synced).toBe(2);
  });

  test('containers of other stages and executors are not touched', async () => {
    rig = new AgentRig();
    const spec = (stage: string, executor: string) => ({
      name: `${stage}-${executor}`,
      image: 'app',
      command: [],
      environment: {},
      labels: { 'gilliam.stage': stage, 'gilliam.executor': executor, 'gilliam.instance': 'x' },
      hostname: 'x',
      ports: [],
      bindAddress: '0.0.0.0',
      dns: [],
      dnsSearch: [],
      cpuMillis: 0,
      memoryBytes: 0,
      pids: 1,
      graceMs: 1,
      capabilities: [],
      logs: { bytes: 1, files: 1 },
    });
    await rig.driver.create(spec('other', 'e1'));
    await rig.driver.create(spec('test', 'e2'));
    await rig.begin();
    await rig.clock.advance(120_000);
    expect(rig.driver.containers).toHaveLength(2);
  });
});

describe('the control plane is away', () => {
  test('what runs is kept running, and all is reported when it is back', async () => {
    await open();
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
    await open();
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
    await open();
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
    await open();
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
    await open();
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
    await open();
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
  await open();
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

describe('logs', () => {
  const texts = (stream: string): string[] =>
    rig.plane.logs.get(stream)?.lines.map(({ instance, line }) => `${instance} ${line.toString()}`) ?? [];

  test('what is there, then the end', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    rig.driver.print(rig.id('u1'), 'one');
    rig.driver.print(rig.id('u1'), 'two', 'stderr');
    rig.plane.wantLogs({ stream: 's', uid: 'u1', tailLines: 1 });
    await rig.clock.advance(0);
    expect(texts('s')).toEqual(['web.1 two']);
    expect(rig.plane.logs.get('s')).toMatchObject({ ended: true, error: '' });
  });

  test('followed through a restart and to the end of the instance, each line once', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    rig.driver.print(rig.id('u1'), 'one');
    rig.plane.wantLogs({ stream: 's', uid: 'u1', follow: true });
    await rig.clock.advance(10);
    rig.driver.exit(rig.id('u1'));
    await rig.clock.advance(1000);
    rig.driver.print(rig.id('u1'), 'two');
    await rig.clock.advance(100);
    rig.driver.vanish(rig.id('u1'));
    await rig.clock.advance(2000);
    rig.driver.print(rig.id('u1'), 'three');
    await rig.clock.advance(10);
    expect(texts('s')).toEqual(['web.1 one', 'web.1 two', 'web.1 three']);
    rig.plane.stop('u1');
    await rig.clock.advance(200);
    expect(rig.plane.logs.get('s')).toMatchObject({ ended: true, error: '' });
  });

  test('of an instance that is not here: an error', async () => {
    await open();
    rig.plane.wantLogs({ stream: 's', uid: 'none' });
    await rig.clock.advance(0);
    expect(rig.plane.logs.get('s')).toMatchObject({
      ended: true,
      error: expect.stringMatching(/not on this/) as string,
    });
  });

  test('a slow reader is not run over', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    for (let line = 0; line < 10_000; line++) rig.driver.print(rig.id('u1'), `line ${line}`);
    let taken = 0;
    let release = () => {};
    rig.plane.takeLogs = async () => {
      if (++taken === 2) await new Promise<void>((resolve) => (release = resolve));
    };
    rig.plane.wantLogs({ stream: 's', uid: 'u1' });
    await rig.clock.advance(1000);
    expect(texts('s')).toHaveLength(4096);
    release();
    await rig.clock.advance(10);
    expect(texts('s')).toHaveLength(10_000);
  });
});
