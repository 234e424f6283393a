import { InstanceState } from '../gen/gilliam/v1/instance';
import { AgentRig } from '../testing/agent-rig';
import { failures } from '../testing/fake-driver';
import { fakeTask } from '../testing/task';

const { RUNNING, STARTING, STOPPED, FAILED, PULLING } = InstanceState;

let rig: AgentRig;

afterEach(() => rig.end());

describe('a new instance', () => {
  test('is made, started and reported as running, with its port', async () => {
    rig = await AgentRig.open();
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
    rig = await AgentRig.open();
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
    rig = await AgentRig.open();
    rig.driver.fail('create', failures.engine, { done: true });
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(1000);
    expect(rig.state('u1')).toBe(RUNNING);
    expect(rig.driver.containers).toHaveLength(1);
  });

  test('a create that fails although it has created, of an instance that is then forgotten, is swept', async () => {
    rig = await AgentRig.open();
    rig.driver.fail('create', failures.fault, { done: true, times: 1 });
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(0);
    rig.plane.forget(['u1']);
    await rig.clock.advance(120_000);
    expect(rig.driver.containers).toEqual([]);
  });

  test('with a health check runs once that passes', async () => {
    rig = await AgentRig.open({ latencyMs: { start: 100 } });
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
    rig = await AgentRig.open({ latencyMs: { create: 100 } }, { concurrency: { creates: 1 } });
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
    rig = await AgentRig.open({ images: [] });
    rig.plane.assign(fakeTask(1, { image: 'sha256:00' }));
    await rig.clock.advance(0);
    expect(rig.plane.status('u1')).toMatchObject({ state: FAILED, reason: 'ImageMissing' });
    expect(rig.plane.status('u1')?.message).toMatch(/sha256:00 is not on this executor/);
    expect(rig.reasons()).toEqual(['Failed']);
  });

  test('an image of a registry is pulled once for all, with back-off', async () => {
    const image = 'registry.example:5000/shop@sha256:11';
    rig = await AgentRig.open({ images: [], registry: [image], latencyMs: { pull: 300 } });
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
    rig = await AgentRig.open({ images: [] });
    rig.plane.assign(fakeTask(1, { image: 'registry.example/none@sha256:11' }));
    await rig.clock.advance(10);
    expect(rig.plane.status('u1')).toMatchObject({ state: FAILED, reason: 'ImageMissing' });
  });

  test('a command that is not there fails, saying so', async () => {
    rig = await AgentRig.open();
    rig.driver.badCommands.add('nosuch');
    rig.plane.assign(fakeTask(1, { process: { command: ['nosuch'] } }));
    await rig.clock.advance(0);
    expect(rig.plane.status('u1')).toMatchObject({ state: FAILED, reason: 'BadCommand' });
    expect(rig.plane.status('u1')?.message).toMatch(/executable file not found/);
  });

  test('a command that the shell does not find fails with the line that the shell printed', async () => {
    rig = await AgentRig.open();
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

  test('a command that its init does not find fails with words about the command, not about the init', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    rig.driver.print(
      rig.id('u1'),
      '[FATAL tini (7)] exec nosuch failed: No such file or directory',
      'stderr',
    );
    rig.driver.exit(rig.id('u1'), 127);
    await rig.clock.advance(10);
    expect(rig.plane.status('u1')).toMatchObject({
      reason: 'BadCommand',
      message: 'exit 127: there is no "nosuch" here: name a command of the image, or the path of one',
    });
  });

  test('exit 127 of what has long been running is an exit like any other', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(5000);
    rig.driver.exit(rig.id('u1'), 127);
    await rig.clock.advance(600);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, restarts: 1 });
  });

  test('an engine that fails at it for its own reasons is given a few tries', async () => {
    rig = await AgentRig.open();
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
    rig = await AgentRig.open();
    rig.driver.takenPorts.add(10_000).add(10_002);
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(0);
    const ports = ['u1', 'u2'].map((uid) => rig.plane.status(uid)?.ports[0]?.hostPort);
    expect([...ports].sort()).toEqual([10_001, 10_003]);
  });

  test('one that is taken between the probe and the start is replaced', async () => {
    rig = await AgentRig.open({ latencyMs: { create: 100 } });
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
    rig = await AgentRig.open();
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
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(0);
    rig.driver.exit(rig.id('u1'));
    rig.driver.takenPorts.add(10_000);
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({ ready: true, restarts: 1, ports: [{ hostPort: 10_001 }] });
  });
});

test('without a service network nothing is looked at that was not before', async () => {
  rig = await AgentRig.open();
  let looks = 0;
  const inspect = rig.driver.inspect.bind(rig.driver);
  rig.driver.inspect = (...args) => {
    looks++;
    return inspect(...args);
  };
  rig.plane.assign(fakeTask(1));
  await rig.clock.advance(100);
  expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true });
  expect(looks).toBe(0);
  expect(rig.container('u1')?.spec.environment).not.toHaveProperty('HTTP_PROXY');
});
