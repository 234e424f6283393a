import { ConflictError, InvalidError, UnavailableError } from '../../base/errors';
import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { InstanceSpec_Desired, InstanceState } from '../../gen/gilliam/v1/instance';
import type { Hello, Task } from '../../gen/gilliam/v1/session_service';
import { executors, instances, scales, sessions, type Instance, type Session } from '../../resource/objects';
import type { Write } from '../../store/store';
import { ApiHarness, eventually, testImage } from '../../testing/api-harness';
import { SessionClient } from '../../testing/session-client';

let api: ApiHarness;
let connected: SessionClient[];
beforeEach(async () => {
  connected = [];
  api = await ApiHarness.start({ options: { leaseTtlMs: 1_000 } });
  await api.shop();
});
afterEach(async () => {
  await Promise.all(connected.map((executor) => executor.abort()));
  await api.close();
});

function join(name = 'e1', hello: Partial<Hello> = {}): SessionClient {
  const executor = new SessionClient(api.connect({ token: 'executor-token' }), name, hello);
  connected.push(executor);
  return executor;
}

async function joined(name = 'e1', hello: Partial<Hello> = {}): Promise<SessionClient> {
  const executor = join(name, hello);
  await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'));
  return executor;
}

const sessionOf = (name: string) => api.store.get(sessions, { formation: '', name });
/** As when its lease has expired. */
async function removeSession(name: string, writes: readonly Write[] = []): Promise<void> {
  const { revision } = (await sessionOf(name))?.metadata ?? { revision: 0n };
  const key = { formation: '', name };
  await api.store.commit([{ op: 'delete', kind: sessions, key, revision }, ...writes]);
}
const taskOf = (executor: SessionClient, { metadata }: Instance) =>
  eventually(() => {
    const task = executor.tasks.get(metadata.uid);
    if (!task) throw new Error(`no task of ${metadata.name}`);
    return task;
  });
const acknowledged = (executor: SessionClient, sequence: bigint) =>
  eventually(() => expect(executor.acknowledged).toBe(sequence));

describe('hello', () => {
  test('makes the executor and its session', async () => {
    await joined();
    const { executor } = await api.client.executors.getExecutor({ name: 'executors/e1' });
    expect(executor).toMatchObject({
      metadata: { name: 'e1', formation: '' },
      spec: { cordoned: false, draining: false },
      status: {
        state: ExecutorState.JOINING,
        host: '127.0.0.1',
        domain: 'a',
        tags: { disk: 'ssd' },
        capacity: { cpuMillis: 4000, memoryBytes: 8n * 1024n ** 3n },
        version: '1.2.3',
        session: 1n,
      },
    });
    expect(await sessionOf('e1')).toMatchObject({ number: 1n, holder: 'cp1', synced: false });
  });

  test('of a known executor counts its sessions, and keeps what users said of it', async () => {
    const first = await joined();
    await api.client.executors.updateExecutor({
      executor: { metadata: { name: 'e1' }, spec: { cordoned: true } },
      updateMask: ['cordoned'],
    });
    await first.finish();
    await eventually(async () => expect(await sessionOf('e1')).toBeUndefined());
    await joined();
    expect(await sessionOf('e1')).toMatchObject({ number: 2n });
    const { executor } = await api.client.executors.getExecutor({ name: 'executors/e1' });
    expect(executor).toMatchObject({ spec: { cordoned: true }, status: { session: 2n } });
  });

  test('with a bad name is refused', async () => {
    const executor = join('E_1');
    await eventually(() => expect(executor.error).toBeInstanceOf(InvalidError));
    expect(executor.error?.message).toContain('executor name "E_1" is not allowed');
  });

  test('with a bad registry address is refused', async () => {
    const executor = join('e1', { registryAddress: 'http://10.0.0.1' });
    await eventually(() => expect(executor.error).toBeInstanceOf(InvalidError));
    expect(executor.error?.message).toContain(
      'registry address "http://10.0.0.1" is not of the form host:port',
    );
  });

  test('comes once', async () => {
    const executor = await joined();
    executor.send({
      $case: 'hello',
      value: { name: 'e1', host: 'h', domain: '', tags: {}, version: '', registryAddress: '' },
    });
    await eventually(() => expect(executor.error).toBeInstanceOf(InvalidError));
  });
});

describe('the assignment', () => {
  test('is all that the executor is to run or to stop, lost ones included, and nothing else', async () => {
    const wanted = await api.placeInstance({ ordinal: 1, state: InstanceState.RUNNING });
    const lost = await api.placeInstance({ ordinal: 2, state: InstanceState.LOST });
    await api.placeInstance({ ordinal: 3, state: InstanceState.STOPPED });
    await api.placeInstance({ ordinal: 4, state: InstanceState.FAILED });
    await api.placeInstance({ ordinal: 5, executor: 'e2' });
    await api.placeInstance({ ordinal: 6, executor: '' });
    const executor = await joined();
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
    const executor = await joined();
    const shown = () => executor.tasks.get(placed.metadata.uid)?.trafficPercent;
    expect(shown()).toBe(5);
    await share(50);
    await eventually(() => expect(shown()).toBe(50));
    await share(undefined);
    await eventually(() => expect(shown()).toBeUndefined());
  });

  test('is followed by what is placed, stopped, lost and forgotten', async () => {
    const executor = await joined();
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
    const executor = await joined();
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
  const withNode = (name: string) => joined(name, { registryAddress: peer(name).address });
  const byName = (executor: SessionClient) =>
    [...(executor.peers ?? [])].sort((a, b) => a.name.localeCompare(b.name));

  test('are told after the assignment, the own one included, and again when they change', async () => {
    const first = await withNode('e1');
    await eventually(() => expect(first.peers).toEqual([peer('e1')]));
    expect(first.received.map(({ $case }) => $case)).toEqual(['assignment', 'registryPeers']);
    const second = await withNode('e2');
    await joined('e3');
    await eventually(() => expect(byName(first)).toEqual([peer('e1'), peer('e2')]));
    expect(byName(second)).toEqual([peer('e1'), peer('e2')]);
    const moved = await joined('e2', { registryAddress: 'e2.example:5511' });
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
    const executor = await joined();
    await joined('e2');
    const instance = await api.placeInstance();
    await taskOf(executor, instance);
    expect(executor.received.map(({ $case }) => $case)).toEqual(['assignment', 'change']);
  });
});

describe('the engine', () => {
  test('of an executor that is silent is known, and that it answers again', async () => {
    const executor = await joined();
    executor.send({ $case: 'synced', value: {} });
    executor.send({ $case: 'engine', value: { silence: 'the Docker Engine does not answer: x' } });
    await eventually(async () =>
      expect(await sessionOf('e1')).toMatchObject({
        ...{ synced: true, engineSilence: 'the Docker Engine does not answer: x' },
      }),
    );
    executor.send({ $case: 'engine', value: { silence: '' } });
    await eventually(async () => expect(await sessionOf('e1')).toMatchObject({ engineSilence: '' }));
  });
});

describe('a report', () => {
  test('is acknowledged when it is in the store', async () => {
    const instance = await api.placeInstance();
    const executor = await joined();
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
    const executor = await joined();
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
    const executor = await joined();
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
    const executor = await joined();
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
    const executor = await joined();
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
    const all = await Promise.all(['e1', 'e2', 'e3', 'e4'].map((name) => joined(name)));
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
    const executor = await joined();
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
    const executor = await joined();
    const task = await taskOf(executor, instance);
    api.memory.setReachable(false);
    const sequence = executor.report([executor.status(task, InstanceState.RUNNING)]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(executor.acknowledged).toBe(0n);
    api.memory.setReachable(true);
    await acknowledged(executor, sequence);
    expect((await api.instance('web-1-1')).status.state).toBe(InstanceState.RUNNING);
  });
});

describe('a session', () => {
  test('is synced when the executor says so', async () => {
    const executor = await joined();
    executor.send({ $case: 'synced', value: {} });
    await eventually(async () => expect(await sessionOf('e1')).toMatchObject({ number: 1n, synced: true }));
  });

  test('ends the one before it, and its reports are refused', async () => {
    const instance = await api.placeInstance();
    const first = await joined();
    const second = await joined();
    await eventually(() => expect(first.error).toBeInstanceOf(ConflictError));
    expect(first.error?.message).toContain('executor e1 has connected again');
    expect(await sessionOf('e1')).toMatchObject({ number: 2n });
    const task = await taskOf(second, instance);
    await acknowledged(second, second.report([second.status(task, InstanceState.RUNNING)]));
  });

  test('ends when another control plane has a newer one', async () => {
    const first = await joined();
    const found = await sessionOf('e1');
    if (!found) throw new Error('no session');
    const newer: Session = { ...found, number: 7n, holder: 'cp2' };
    await api.store.commit([{ op: 'update', kind: sessions, object: newer }]);
    await eventually(() => expect(first.error).toBeInstanceOf(ConflictError));
    expect(await sessionOf('e1')).toMatchObject({ number: 7n, holder: 'cp2' });
    await joined();
    expect(await sessionOf('e1')).toMatchObject({ number: 8n, holder: 'cp1' });
  });

  test('is removed when the executor leaves or breaks off', async () => {
    for (const leave of ['finish', 'abort'] as const) {
      const executor = await joined();
      await executor[leave]();
      await eventually(async () => expect(await sessionOf('e1')).toBeUndefined());
    }
    expect(await api.store.get(executors, { formation: '', name: 'e1' })).toMatchObject({
      status: { session: 2n },
    });
  });

  test('is removed when the executor leaves while the store is away for a moment', async () => {
    const executor = await joined();
    api.memory.setReachable(false);
    await executor.abort();
    // Less than the lease takes, which other sessions keep alive.
    await new Promise((resolve) => setTimeout(resolve, 200));
    api.memory.setReachable(true);
    await eventually(async () => expect(await sessionOf('e1')).toBeUndefined());
  });

  test('is made again when it is gone although the executor is connected', async () => {
    const executor = await joined();
    executor.send({ $case: 'synced', value: {} });
    await eventually(async () => expect(await sessionOf('e1')).toMatchObject({ synced: true }));
    await removeSession('e1');
    await eventually(async () => {
      expect(await sessionOf('e1')).toMatchObject({ number: 1n, holder: 'cp1', synced: true });
    });
    expect(executor.error).toBeUndefined();
  });

  test('invariant 10: is not made again once the executor was declared lost, which has to be synced anew', async () => {
    const executor = await joined();
    executor.send({ $case: 'synced', value: {} });
    await eventually(async () => expect(await sessionOf('e1')).toMatchObject({ synced: true }));
    const known = await api.store.get(executors, { formation: '', name: 'e1' });
    if (!known) throw new Error('no executor');
    const lost = { ...known, status: { ...known.status, state: ExecutorState.LOST } };
    await removeSession('e1', [{ op: 'update', kind: executors, object: lost }]);
    await eventually(() => expect(executor.error).toBeInstanceOf(ConflictError));
    expect(executor.error?.message).toContain('executor e1 was declared lost');
    expect(await sessionOf('e1')).toBeUndefined();
    await joined();
    expect(await sessionOf('e1')).toMatchObject({ number: 2n, synced: false });
  });

  test('is made again when its lease is lost', async () => {
    const executor = await joined();
    executor.send({ $case: 'synced', value: {} });
    await eventually(async () => expect(await sessionOf('e1')).toMatchObject({ synced: true }));
    api.memory.setReachable(false);
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    api.memory.setReachable(true);
    await eventually(async () => {
      expect(await sessionOf('e1')).toMatchObject({ number: 1n, holder: 'cp1', synced: true });
    });
    const instance = await api.placeInstance();
    const task = await taskOf(executor, instance);
    await acknowledged(executor, executor.report([executor.status(task, InstanceState.RUNNING)]));
    expect(executor.error).toBeUndefined();
  });

  test('ends with the control plane, and all state is right soon after it is back', async () => {
    const instance = await api.placeInstance();
    const executor = await joined();
    await taskOf(executor, instance);
    await api.stopServer();
    await eventually(() => expect(executor.error).toBeInstanceOf(UnavailableError));
    expect(await sessionOf('e1')).toBeUndefined();
    await api.changeInstance('web-1-1', (before) => ({
      ...before,
      spec: { ...before.spec, desired: InstanceSpec_Desired.STOPPED },
    }));
    await api.startServer();
    const again = await joined();
    expect(again.tasks.get(instance.metadata.uid)?.instance?.spec?.desired).toBe(
      InstanceSpec_Desired.STOPPED,
    );
    expect(await sessionOf('e1')).toMatchObject({ number: 2n });
  });
});
