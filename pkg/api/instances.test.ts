import { InvalidError, NotFoundError } from '../base/errors';
import { InstanceState } from '../gen/gilliam/v1/instance';
import { ApiHarness, eventually } from '../testing/api-harness';
import { SessionClient } from '../testing/session-client';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
  await api.shop();
});
afterEach(() => api.close());

const get = (name: string) =>
  api.client.instances
    .getInstance({ name: `formations/shop/instances/${name}` })
    .then(({ instance }) => instance);
const list = async (request: object = {}) => {
  const { instances } = await api.client.instances.listInstances({ parent: 'formations/shop', ...request });
  return instances.map(({ metadata }) => metadata?.name);
};

test('web.1 is the newest that has held the ordinal; an object is named as it is', async () => {
  await api.placeInstance({ incarnation: 2, state: InstanceState.FAILED });
  await api.placeInstance({ incarnation: 10, state: InstanceState.RUNNING });
  await api.placeInstance({ ordinal: 11, state: InstanceState.RUNNING });
  expect((await get('web.1'))?.metadata?.name).toBe('web-1-10');
  expect((await get('web-1-2'))?.metadata?.name).toBe('web-1-2');
});

test('what is not there is said with what was probably meant', async () => {
  await expect(get('web.1')).rejects.toThrow('"shop" has no instance web.1: nothing runs, gilliam scale');
  await api.placeInstance({ state: InstanceState.RUNNING });
  await expect(get('wbe.1')).rejects.toThrow(NotFoundError);
  await expect(get('wbe.1')).rejects.toThrow('did you mean "web.1"?');
  await expect(get('web')).rejects.toThrow(InvalidError);
});

test('finished ones are listed when asked for', async () => {
  await api.placeInstance({ ordinal: 1, state: InstanceState.STOPPED });
  await api.placeInstance({ ordinal: 2, state: InstanceState.RUNNING });
  await api.placeInstance({ ordinal: 3, state: InstanceState.LOST });
  expect(await list()).toEqual(['web-2-1']);
  expect(await list({ showFinished: true })).toEqual(['web-1-1', 'web-2-1', 'web-3-1']);
});

test('pages are full although finished ones are left out', async () => {
  for (let ordinal = 1; ordinal <= 9; ordinal++) {
    await api.placeInstance({
      ordinal,
      state: ordinal % 3 === 0 ? InstanceState.RUNNING : InstanceState.STOPPED,
    });
  }
  const first = await api.client.instances.listInstances({ parent: 'formations/shop', pageSize: 2 });
  expect(first.instances.map(({ metadata }) => metadata?.name)).toEqual(['web-3-1', 'web-6-1']);
  const { nextPageToken: pageToken } = first;
  const second = await api.client.instances.listInstances({
    parent: 'formations/shop',
    pageSize: 2,
    pageToken,
  });
  expect(second.instances.map(({ metadata }) => metadata?.name)).toEqual(['web-9-1']);
  expect(second.nextPageToken).toBe('');
});

test('- lists those of all formations', async () => {
  await api.client.formations.createFormation({ formation: { metadata: { name: 'other' } } });
  await api.placeInstance({ formation: 'other', state: InstanceState.RUNNING });
  await api.placeInstance({ state: InstanceState.RUNNING });
  expect(await list({ parent: 'formations/-' })).toEqual(['web-1-1', 'web-1-1']);
  await expect(list({ parent: 'formations/none' })).rejects.toThrow(NotFoundError);
});

test('invariant 11: what cannot be placed says why, per executor and per clause, in one call', async () => {
  const executor = new SessionClient(api.connect({ token: 'executor-token' }));
  await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'));
  await api.client.executors.updateExecutor({
    executor: { metadata: { name: 'e1' }, spec: { cordoned: true } },
    updateMask: ['cordoned'],
  });
  await api.placeInstance({ executor: '' });
  await eventually(async () => {
    const { instance, verdicts } = await api.client.instances.explainInstance({
      name: 'formations/shop/instances/web.1',
    });
    expect(instance?.metadata?.name).toBe('web-1-1');
    expect(verdicts).toMatchObject([{ executor: 'e1', accepted: false, chosen: false }]);
    expect(verdicts[0]?.clauses).toContainEqual(
      expect.objectContaining({ clause: 'cordoned', passed: false }),
    );
  });
  await executor.abort();
});
