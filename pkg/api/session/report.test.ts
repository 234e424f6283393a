import { InstanceState } from '../../gen/gilliam/v1/instance';
import type { ApiHarness } from '../../testing/api-harness';
import { eventually } from '../../testing/api-harness';
import type { SessionClient } from '../../testing/session-client';
import { SessionRig, acknowledged, taskOf } from '../../testing/session-rig';

let rig: SessionRig;
let api: ApiHarness;
beforeEach(async () => {
  rig = await SessionRig.start();
  ({ api } = rig);
});
afterEach(() => rig.close());

describe('a report', () => {
  test('is acknowledged when it is in the store', async () => {
    const instance = await api.placeInstance();
    const executor = await rig.joined();
    const task = await taskOf(executor, instance);
    const ports = [{ name: '', containerPort: 8080, hostPort: 10_000 }];
    const sequence = executor.report([
      executor.status(task, InstanceState.RUNNING, { ready: true, ports, containerId: 'c1' }),
    ]);
    await acknowledged(executor, sequence);
    const { status } = await api.instance('web-1-1');
    expect(status).toMatchObject({
      state: InstanceState.RUNNING,
      ready: true,
      host: '127.0.0.1',
      ports,
      containerId: 'c1',
    });
    expect(status.changed?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    // The executor is not told what it has said itself.
    expect(executor.received.map(({ $case }) => $case)).toEqual(['assignment', 'ack']);
  });

  test.each<[string, (report: ReturnType<SessionClient['status']>) => unknown]>([
    ['of another instance of that name', (report) => ({ ...report, uid: 'another' })],
    ['of an instance that is forgotten', (report) => ({ ...report, name: 'web-9-9' })],
    ['of an instance of another executor', (report) => ({ ...report, name: 'web-2-1' })],
    ['without a status', (report) => ({ ...report, status: undefined })],
    ['that it is lost', (report) => ({ ...report, status: { ...report.status, state: InstanceState.LOST } })],
    [
      'that it is pending',
      (report) => ({ ...report, status: { ...report.status, state: InstanceState.PENDING } }),
    ],
  ])('%s is ignored and acknowledged', async (_name, change) => {
    const instance = await api.placeInstance();
    const other = await api.placeInstance({ ordinal: 2, executor: 'e2' });
    const executor = await rig.joined();
    const task = await taskOf(executor, instance);
    const report = change(executor.status(task, InstanceState.RUNNING)) as ReturnType<
      SessionClient['status']
    >;
    const uid = report.name === 'web-2-1' ? other.metadata.uid : report.uid;
    await acknowledged(executor, executor.report([{ ...report, uid }]));
    expect(await api.instance('web-1-1')).toEqual(instance);
    expect(await api.instance('web-2-1')).toEqual(other);
  });

  test('never takes a state back', async () => {
    const instance = await api.placeInstance();
    const executor = await rig.joined();
    const task = await taskOf(executor, instance);
    const say = (state: InstanceState) => executor.report([executor.status(task, state)]);
    await acknowledged(executor, say(InstanceState.RUNNING));
    await acknowledged(executor, say(InstanceState.STARTING));
    expect((await api.instance('web-1-1')).status.state).toBe(InstanceState.RUNNING);
    await acknowledged(executor, say(InstanceState.STOPPED));
    await acknowledged(executor, say(InstanceState.RUNNING));
    expect((await api.instance('web-1-1')).status.state).toBe(InstanceState.STOPPED);
    await eventually(() => expect(executor.tasks.size).toBe(0));
  });

  test('does not bring back an instance that was declared lost', async () => {
    const instance = await api.placeInstance();
    const executor = await rig.joined();
    const task = await taskOf(executor, instance);
    await api.changeInstance('web-1-1', (before) => ({
      ...before,
      status: { ...before.status, state: InstanceState.LOST },
    }));
    await acknowledged(executor, executor.report([executor.status(task, InstanceState.RUNNING)]));
    expect((await api.instance('web-1-1')).status.state).toBe(InstanceState.LOST);
  });

  test('is written although the instance changes at the same moment', async () => {
    const instance = await api.placeInstance();
    const executor = await rig.joined();
    const task = await taskOf(executor, instance);
    const reports = (async () => {
      for (let restarts = 1; restarts <= 20; restarts++) {
        await acknowledged(
          executor,
          executor.report([executor.status(task, InstanceState.RUNNING, { restarts })]),
        );
      }
    })();
    for (let index = 0; index < 20; index++) {
      const labels = { index: String(index) };
      await eventually(() =>
        api.changeInstance('web-1-1', (before) => ({ ...before, metadata: { ...before.metadata, labels } })),
      );
    }
    await reports;
    const { metadata, status } = await api.instance('web-1-1');
    expect(metadata.labels).toEqual({ index: '19' });
    expect(status.restarts).toBe(20);
  });

  test('of hundreds of instances of many executors is written in few transactions', async () => {
    const placed = await Promise.all(
      Array.from({ length: 120 }, (_, index) =>
        api.placeInstance({ ordinal: index + 1, executor: `e${(index % 4) + 1}` }),
      ),
    );
    const all = await Promise.all(['e1', 'e2', 'e3', 'e4'].map((name) => rig.joined(name)));
    const before = api.memory.server.revision;
    const sequences = all.map((executor) =>
      executor.report(
        [...executor.tasks.values()].map((task) => executor.status(task, InstanceState.PULLING)),
      ),
    );
    await Promise.all(all.map((executor, index) => acknowledged(executor, sequences[index] as bigint)));
    for (const { metadata } of placed) {
      expect((await api.instance(metadata.name)).status.state).toBe(InstanceState.PULLING);
    }
    expect(Number(api.memory.server.revision - before)).toBeLessThan(20);
  });

  test('carries events, counted up', async () => {
    const instance = await api.placeInstance();
    const executor = await rig.joined();
    const { metadata } = (await taskOf(executor, instance)).instance ?? {};
    const event = {
      formation: 'shop',
      name: metadata?.name ?? '',
      uid: metadata?.uid ?? '',
      reason: 'Restarted',
      message: 'exited with 1',
      warning: true,
    };
    executor.report([], [event, { ...event, message: 'exited with 2' }, { ...event, uid: 'other' }]);
    await eventually(async () => {
      const { events } = await api.client.events.listEvents({ parent: 'formations/shop', about: 'web.1' });
      expect(events).toMatchObject([
        { kind: 'Instance', name: 'web.1', reason: 'Restarted', message: 'exited with 2', count: 2 },
      ]);
    });
  });

  test('waits for the store, and is then written', async () => {
    const instance = await api.placeInstance();
    const executor = await rig.joined();
    const task = await taskOf(executor, instance);
    api.memory.setReachable(false);
    const commit = jest.spyOn(api.store, 'commit');
    const sequence = executor.report([executor.status(task, InstanceState.RUNNING)]);
    // Tried, and tried again: what was refused was not taken for written.
    const tries = () => commit.mock.calls.filter(([[write]]) => write?.kind.name === 'Instance');
    await eventually(() => expect(tries().length).toBeGreaterThan(1));
    expect(executor.acknowledged).toBe(0n);
    commit.mockRestore();
    api.memory.setReachable(true);
    await acknowledged(executor, sequence);
    expect((await api.instance('web-1-1')).status.state).toBe(InstanceState.RUNNING);
  });
});
