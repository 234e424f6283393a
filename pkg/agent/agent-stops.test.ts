import { InstanceState } from '../gen/gilliam/v1/instance';
import { AgentRig } from '../testing/agent-rig';
import { fakeTask } from '../testing/task';

const { STOPPED, STOPPING } = InstanceState;

let rig: AgentRig;

afterEach(() => rig.end());

describe('stopping', () => {
  test('SIGTERM, then removal', async () => {
    rig = await AgentRig.open();
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
    rig = await AgentRig.open();
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

describe('what should not run here', () => {
  test('invariant 10: containers of lost instances are stopped before new work begins', async () => {
    rig = await AgentRig.open();
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
    rig = await AgentRig.open();
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
    rig = await AgentRig.open();
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
    rig = await AgentRig.open();
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
