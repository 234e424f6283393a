import { ConflictError, InvalidError, UnavailableError } from '../../base/errors';
import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { InstanceSpec_Desired, InstanceState } from '../../gen/gilliam/v1/instance';
import { executors, sessions, type Session } from '../../resource/objects';
import type { ApiHarness } from '../../testing/api-harness';
import { eventually } from '../../testing/api-harness';
import { SessionRig, acknowledged, taskOf } from '../../testing/session-rig';

let rig: SessionRig;
let api: ApiHarness;
beforeEach(async () => {
  rig = await SessionRig.start();
  ({ api } = rig);
});
afterEach(() => rig.close());

describe('hello', () => {
  test('makes the executor and its session', async () => {
    await rig.joined();
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
    expect(await rig.sessionOf('e1')).toMatchObject({ number: 1n, holder: 'cp1', synced: false });
  });

  test('of a known executor counts its sessions, and keeps what users said of it', async () => {
    const first = await rig.joined();
    await api.client.executors.updateExecutor({
      executor: { metadata: { name: 'e1' }, spec: { cordoned: true } },
      updateMask: ['cordoned'],
    });
    await first.finish();
    await eventually(async () => expect(await rig.sessionOf('e1')).toBeUndefined());
    await rig.joined();
    expect(await rig.sessionOf('e1')).toMatchObject({ number: 2n });
    const { executor } = await api.client.executors.getExecutor({ name: 'executors/e1' });
    expect(executor).toMatchObject({ spec: { cordoned: true }, status: { session: 2n } });
  });

  test('with a bad name is refused', async () => {
    const executor = rig.join('E_1');
    await eventually(() => expect(executor.error).toBeInstanceOf(InvalidError));
    expect(executor.error?.message).toContain('executor name "E_1" is not allowed');
  });

  test('with a bad registry address is refused', async () => {
    const executor = rig.join('e1', { registryAddress: 'http://10.0.0.1' });
    await eventually(() => expect(executor.error).toBeInstanceOf(InvalidError));
    expect(executor.error?.message).toContain(
      'registry address "http://10.0.0.1" is not of the form host:port',
    );
  });

  test('comes once', async () => {
    const executor = await rig.joined();
    executor.send({
      $case: 'hello',
      value: { name: 'e1', host: 'h', domain: '', tags: {}, version: '', registryAddress: '' },
    });
    await eventually(() => expect(executor.error).toBeInstanceOf(InvalidError));
  });
});

describe('the engine', () => {
  test('of an executor that is silent is known, and that it answers again', async () => {
    const executor = await rig.joined();
    executor.send({ $case: 'synced', value: {} });
    executor.send({ $case: 'engine', value: { silence: 'the Docker Engine does not answer: x' } });
    await eventually(async () =>
      expect(await rig.sessionOf('e1')).toMatchObject({
        ...{ synced: true, engineSilence: 'the Docker Engine does not answer: x' },
      }),
    );
    executor.send({ $case: 'engine', value: { silence: '' } });
    await eventually(async () => expect(await rig.sessionOf('e1')).toMatchObject({ engineSilence: '' }));
  });
});

describe('a session', () => {
  test('is synced when the executor says so', async () => {
    const executor = await rig.joined();
    executor.send({ $case: 'synced', value: {} });
    await eventually(async () =>
      expect(await rig.sessionOf('e1')).toMatchObject({ number: 1n, synced: true }),
    );
  });

  test('ends the one before it, and its reports are refused', async () => {
    const instance = await api.placeInstance();
    const first = await rig.joined();
    const second = await rig.joined();
    await eventually(() => expect(first.error).toBeInstanceOf(ConflictError));
    expect(first.error?.message).toContain('executor e1 has connected again');
    expect(await rig.sessionOf('e1')).toMatchObject({ number: 2n });
    const task = await taskOf(second, instance);
    await acknowledged(second, second.report([second.status(task, InstanceState.RUNNING)]));
  });

  test('ends when another control plane has a newer one', async () => {
    const first = await rig.joined();
    const found = await rig.sessionOf('e1');
    if (!found) throw new Error('no session');
    const newer: Session = { ...found, number: 7n, holder: 'cp2' };
    await api.store.commit([{ op: 'update', kind: sessions, object: newer }]);
    await eventually(() => expect(first.error).toBeInstanceOf(ConflictError));
    expect(await rig.sessionOf('e1')).toMatchObject({ number: 7n, holder: 'cp2' });
    await rig.joined();
    expect(await rig.sessionOf('e1')).toMatchObject({ number: 8n, holder: 'cp1' });
  });

  test('is removed when the executor leaves or breaks off', async () => {
    for (const leave of ['finish', 'abort'] as const) {
      const executor = await rig.joined();
      await executor[leave]();
      await eventually(async () => expect(await rig.sessionOf('e1')).toBeUndefined());
    }
    expect(await api.store.get(executors, { formation: '', name: 'e1' })).toMatchObject({
      status: { session: 2n },
    });
  });

  test('is removed when the executor leaves while the store is away for a moment', async () => {
    const executor = await rig.joined();
    api.memory.setReachable(false);
    const get = jest.spyOn(api.store, 'get');
    await executor.abort();
    // It has been looked for in vain; the lease, which other sessions keep alive, does not end it.
    await eventually(() => expect(get.mock.calls.some(([kind]) => kind.name === sessions.name)).toBe(true));
    get.mockRestore();
    api.memory.setReachable(true);
    await eventually(async () => expect(await rig.sessionOf('e1')).toBeUndefined());
  });

  test('is made again when it is gone although the executor is connected', async () => {
    const executor = await rig.joined();
    executor.send({ $case: 'synced', value: {} });
    await eventually(async () => expect(await rig.sessionOf('e1')).toMatchObject({ synced: true }));
    await rig.removeSession('e1');
    await eventually(async () => {
      expect(await rig.sessionOf('e1')).toMatchObject({ number: 1n, holder: 'cp1', synced: true });
    });
    expect(executor.error).toBeUndefined();
  });

  test('invariant 10: is not made again once the executor was declared lost, which has to be synced anew', async () => {
    const executor = await rig.joined();
    executor.send({ $case: 'synced', value: {} });
    await eventually(async () => expect(await rig.sessionOf('e1')).toMatchObject({ synced: true }));
    const known = await api.store.get(executors, { formation: '', name: 'e1' });
    if (!known) throw new Error('no executor');
    const lost = { ...known, status: { ...known.status, state: ExecutorState.LOST } };
    await rig.removeSession('e1', [{ op: 'update', kind: executors, object: lost }]);
    await eventually(() => expect(executor.error).toBeInstanceOf(ConflictError));
    expect(executor.error?.message).toContain('executor e1 was declared lost');
    expect(await rig.sessionOf('e1')).toBeUndefined();
    await rig.joined();
    expect(await rig.sessionOf('e1')).toMatchObject({ number: 2n, synced: false });
  });

  test('is made again when its lease is lost', async () => {
    const executor = await rig.joined();
    executor.send({ $case: 'synced', value: {} });
    await eventually(async () => expect(await rig.sessionOf('e1')).toMatchObject({ synced: true }));
    api.memory.setReachable(false);
    // Nobody can write but the end of the lease.
    const { revision } = api.memory.server;
    await eventually(() => expect(api.memory.server.revision).toBeGreaterThan(revision));
    api.memory.setReachable(true);
    await eventually(async () => {
      expect(await rig.sessionOf('e1')).toMatchObject({ number: 1n, holder: 'cp1', synced: true });
    });
    const instance = await api.placeInstance();
    const task = await taskOf(executor, instance);
    await acknowledged(executor, executor.report([executor.status(task, InstanceState.RUNNING)]));
    expect(executor.error).toBeUndefined();
  });

  test('ends with the control plane, and all state is right soon after it is back', async () => {
    const instance = await api.placeInstance();
    const executor = await rig.joined();
    await taskOf(executor, instance);
    await api.stopServer();
    await eventually(() => expect(executor.error).toBeInstanceOf(UnavailableError));
    expect(await rig.sessionOf('e1')).toBeUndefined();
    await api.changeInstance('web-1-1', (before) => ({
      ...before,
      spec: { ...before.spec, desired: InstanceSpec_Desired.STOPPED },
    }));
    await api.startServer();
    const again = await rig.joined();
    expect(again.tasks.get(instance.metadata.uid)?.instance?.spec?.desired).toBe(
      InstanceSpec_Desired.STOPPED,
    );
    expect(await rig.sessionOf('e1')).toMatchObject({ number: 2n });
  });
});
