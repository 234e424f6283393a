import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { InstanceSpec_Desired, InstanceState } from '../../gen/gilliam/v1/instance';
import type { Task } from '../../gen/gilliam/v1/session_service';
import { executors, instances, scales, type Instance } from '../../resource/objects';
import type { ApiHarness } from '../../testing/api-harness';
import { eventually, testImage } from '../../testing/api-harness';
import type { SessionClient } from '../../testing/session-client';
import { SessionRig, taskOf } from '../../testing/session-rig';

let rig: SessionRig;
let api: ApiHarness;
beforeEach(async () => {
  rig = await SessionRig.start();
  ({ api } = rig);
});
afterEach(() => rig.close());

describe('the assignment', () => {
  test('is all that the executor is to run or to stop, lost ones included, and nothing else', async () => {
    const wanted = await api.placeInstance({ ordinal: 1, state: InstanceState.RUNNING });
    const lost = await api.placeInstance({ ordinal: 2, state: InstanceState.LOST });
    await api.placeInstance({ ordinal: 3, state: InstanceState.STOPPED });
    await api.placeInstance({ ordinal: 4, state: InstanceState.FAILED });
    await api.placeInstance({ ordinal: 5, executor: 'e2' });
    await api.placeInstance({ ordinal: 6, executor: '' });
    const executor = await rig.joined();
    expect([...executor.tasks.keys()].sort()).toEqual([wanted.metadata.uid, lost.metadata.uid].sort());
    expect(executor.tasks.get(wanted.metadata.uid)).toEqual({
      instance: wanted,
      image: testImage,
      config: { A: '1' },
      sharedWith: [],
      imports: {},
      process: expect.objectContaining({ command: ['serve'] }) as Task['process'],
      volumes: [],
    });
  });

  test("follows a release's share of the requests, from the first task on and as it changes", async () => {
    const share = async (trafficPercent: number | undefined) => {
      const key = { formation: 'shop', name: 'v1' };
      const before = await api.store.get(scales, key);
      const empty = scales.decode(new Uint8Array());
      const { metadata } = before ?? { metadata: { ...empty.metadata, ...key } };
      const object = { ...empty, metadata, spec: { factors: {}, trafficPercent } };
      await api.store.commit([{ op: before ? 'update' : 'create', kind: scales, object }]);
    };
    await share(5);
    const placed = await api.placeInstance({ state: InstanceState.RUNNING });
    const executor = await rig.joined();
    const shown = () => executor.tasks.get(placed.metadata.uid)?.trafficPercent;
    expect(shown()).toBe(5);
    await share(50);
    await eventually(() => expect(shown()).toBe(50));
    await share(undefined);
    await eventually(() => expect(shown()).toBeUndefined());
  });

  test('is followed by what is placed, stopped, lost and forgotten', async () => {
    const executor = await rig.joined();
    const instance = await api.placeInstance({ executor: '' });
    await api.changeInstance('web-1-1', (before) => ({
      ...before,
      spec: { ...before.spec, executor: 'e1' },
      status: { ...before.status, state: InstanceState.ASSIGNED },
    }));
    const task = await taskOf(executor, instance);
    expect(task.instance?.status?.state).toBe(InstanceState.ASSIGNED);

    const desired = InstanceSpec_Desired.STOPPED;
    await api.changeInstance('web-1-1', (before) => ({ ...before, spec: { ...before.spec, desired } }));
    await eventually(() =>
      expect(executor.tasks.get(instance.metadata.uid)?.instance?.spec?.desired).toBe(desired),
    );

    await api.changeInstance('web-1-1', (before) => ({
      ...before,
      status: { ...before.status, state: InstanceState.LOST },
    }));
    await eventually(() =>
      expect(executor.tasks.get(instance.metadata.uid)?.instance?.status?.state).toBe(InstanceState.LOST),
    );

    const { revision } = (await api.instance('web-1-1')).metadata;
    await api.store.commit([
      { op: 'delete', kind: instances, key: { formation: 'shop', name: 'web-1-1' }, revision },
    ]);
    await eventually(() => expect(executor.tasks.size).toBe(0));
  });

  test('changes of one moment come in one message', async () => {
    const executor = await rig.joined();
    const objects = await Promise.all(
      Array.from({ length: 20 }, (_, index) => api.placeInstance({ ordinal: index + 1, executor: '' })),
    );
    const writes = objects.map((object) => {
      const assigned: Instance = {
        ...object,
        spec: { ...object.spec, executor: 'e1' },
        status: { ...object.status, state: InstanceState.ASSIGNED },
      };
      return { op: 'update' as const, kind: instances, object: assigned };
    });
    await api.store.commit(writes);
    await eventually(() => expect(executor.tasks.size).toBe(20));
    expect(executor.received).toHaveLength(2);
  });
});

describe('the nodes of the service registry', () => {
  const peer = (name: string) => ({ name, address: `${name}.example:4411` });
  const withNode = (name: string) => rig.joined(name, { registryAddress: peer(name).address });
  const byName = (executor: SessionClient) =>
    [...(executor.peers ?? [])].sort((a, b) => a.name.localeCompare(b.name));

  test('are told after the assignment, the own one included, and again when they change', async () => {
    const first = await withNode('e1');
    await eventually(() => expect(first.peers).toEqual([peer('e1')]));
    expect(first.received.map(({ $case }) => $case)).toEqual(['assignment', 'registryPeers']);
    const second = await withNode('e2');
    await rig.joined('e3');
    await eventually(() => expect(byName(first)).toEqual([peer('e1'), peer('e2')]));
    expect(byName(second)).toEqual([peer('e1'), peer('e2')]);
    const moved = await rig.joined('e2', { registryAddress: 'e2.example:5511' });
    for (const executor of [first, moved]) {
      await eventually(() =>
        expect(byName(executor)).toEqual([peer('e1'), { name: 'e2', address: 'e2.example:5511' }]),
      );
    }
    const { executor } = await api.client.executors.getExecutor({ name: 'executors/e2' });
    expect(executor?.status?.registryAddress).toBe('e2.example:5511');
  });

  test('leave out those of lost executors, and come back with them', async () => {
    const first = await withNode('e1');
    const second = await withNode('e2');
    await eventually(() => expect(first.peers).toHaveLength(2));
    await second.abort();
    const lose = async (state: ExecutorState) => {
      const known = await api.store.get(executors, { formation: '', name: 'e2' });
      if (!known) throw new Error('no executor');
      const object = { ...known, status: { ...known.status, state } };
      await api.store.commit([{ op: 'update', kind: executors, object }]);
    };
    // One that is away for a moment stays: its node may still be reached.
    await lose(ExecutorState.DISCONNECTED);
    await lose(ExecutorState.LOST);
    await eventually(() => expect(byName(first)).toEqual([peer('e1')]));
    await lose(ExecutorState.JOINING);
    await eventually(() => expect(byName(first)).toEqual([peer('e1'), peer('e2')]));
  });

  test('are not told where there are none', async () => {
    const executor = await rig.joined();
    await rig.joined('e2');
    const instance = await api.placeInstance();
    await taskOf(executor, instance);
    expect(executor.received.map(({ $case }) => $case)).toEqual(['assignment', 'change']);
  });
});
