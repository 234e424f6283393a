import { InvalidError, NotFoundError, PreconditionError } from '../base/errors';
import { InstanceState } from '../gen/gilliam/v1/instance';
import { Process } from '../gen/gilliam/v1/release';
import { releases, volumes, type Volume } from '../resource/objects';
import { ApiHarness, eventually, testImage } from '../testing/api-harness';
import { SessionClient } from '../testing/session-client';

let api: ApiHarness;

beforeEach(async () => {
  api = await ApiHarness.start();
  await api.shop();
});
afterEach(() => api.close());

async function volume(formation = 'shop', ordinal = 1, executor = 'e1'): Promise<Volume> {
  const object = volumes.decode(new Uint8Array());
  Object.assign(object.metadata, {
    name: `web-${ordinal}-data`,
    formation,
    uid: api.random.uuid(),
    generation: 1n,
  });
  object.spec = { service: 'web', ordinal, volume: 'data', executor };
  await api.store.commit([{ op: 'create', kind: volumes, object }]);
  return object;
}

const find = (name: string) => api.store.get(volumes, { formation: 'shop', name });
/** Those that are to be deleted have other names, so that theirs are free. */
const doomed = async (name: string) =>
  (await api.store.list(volumes, { formation: 'shop' })).items.find(
    ({ metadata }) => metadata.deleted && metadata.name.startsWith(`${name}.`),
  );
const remove = (name: string, validateOnly = false) =>
  api.client.volumes.deleteVolume({ name: `formations/shop/volumes/${name}`, validateOnly });

describe('listVolumes', () => {
  test('lists those of a formation, or all', async () => {
    await volume();
    await volume('shop', 2, 'e2');
    await api.shop('blog');
    await volume('blog');
    const names = async (parent: string) =>
      (await api.client.volumes.listVolumes({ parent })).volumes.map(
        ({ metadata, spec }) => `${metadata?.formation}/${metadata?.name} on ${spec?.executor}`,
      );
    expect(await names('formations/shop')).toEqual(['shop/web-1-data on e1', 'shop/web-2-data on e2']);
    expect(await names('formations/-')).toHaveLength(3);
    await expect(names('formations/other')).rejects.toThrow(NotFoundError);
    await expect(names('shop')).rejects.toThrow(InvalidError);
  });
});

describe('deleteVolume', () => {
  test('asks for deletion, once, and frees the name', async () => {
    const before = await volume();
    const { volume: deleted } = await remove('web-1-data');
    expect(deleted?.metadata?.deleted).toBeDefined();
    expect(await find('web-1-data')).toBeUndefined();
    const found = await doomed('web-1-data');
    expect(found).toMatchObject({ metadata: { uid: before.metadata.uid }, spec: before.spec });
    expect((await remove('web-1-data')).volume?.metadata).toEqual(found?.metadata);
    expect((await api.store.list(volumes, { formation: 'shop' })).items).toHaveLength(1);
  });

  test('changes nothing when it only validates', async () => {
    await volume();
    await remove('web-1-data', true);
    expect((await find('web-1-data'))?.metadata.deleted).toBeUndefined();
  });

  test('is refused while an instance has it', async () => {
    await volume();
    await api.placeInstance({ state: InstanceState.STOPPING });
    await expect(remove('web-1-data')).rejects.toThrow(PreconditionError);
    await expect(remove('web-1-data')).rejects.toThrow(
      'volume web-1-data is in use by web.1: stop it first, gilliam scale web=0',
    );
  });

  test.each<[string, Parameters<ApiHarness['placeInstance']>[0]]>([
    ['of another ordinal', { ordinal: 2 }],
    ['that has finished', { state: InstanceState.STOPPED }],
    ['that waits for a place, perhaps for ever', { executor: '' }],
  ])('is not held up by an instance %s', async (_, over) => {
    await volume();
    await api.placeInstance(over);
    await remove('web-1-data');
    expect(await doomed('web-1-data')).toBeDefined();
  });

  test('says what there is when it is asked for something else', async () => {
    await expect(remove('web-1-data')).rejects.toThrow(
      '"shop" has no volume "web-1-data": nothing in it keeps anything',
    );
    await volume();
    await expect(remove('web-1-dato')).rejects.toThrow('did you mean "web-1-data"');
  });
});

describe('a deletion', () => {
  const told = (executor: SessionClient) =>
    executor.received.flatMap((message) =>
      message.$case === 'volumesToDelete'
        ? [message.value.volumes.map(({ spec }) => `${spec?.service}.${spec?.ordinal}`)]
        : [],
    );

  test('is told to the executor that has the volume, and over when it says that it is done', async () => {
    const made = await volume();
    await volume('shop', 2, 'e2');
    const executor = new SessionClient(api.connect({ token: 'executor-token' }));
    await eventually(() => expect(executor.received).toHaveLength(1));
    await remove('web-1-data');
    await remove('web-2-data');
    await eventually(() => expect(told(executor)).toEqual([['web.1']]));
    executor.send({ $case: 'volumesDeleted', value: { volumes: [made.metadata.uid, 'another'] } });
    await eventually(async () => expect(await doomed('web-1-data')).toBeUndefined());
    await eventually(() => expect(told(executor)).toEqual([['web.1'], []]));
    expect(await doomed('web-2-data')).toBeDefined();
    await executor.finish();
  });

  test('is told in every session, until it is done', async () => {
    await volume();
    await remove('web-1-data');
    for (let session = 0; session < 2; session++) {
      const executor = new SessionClient(api.connect({ token: 'executor-token' }));
      await eventually(() => expect(told(executor)).toEqual([['web.1']]));
      await executor.abort();
      await api.stopServer();
      await api.startServer();
    }
  });

  test('that nobody asked for is not carried out, nor one of another executor', async () => {
    const mine = await volume();
    const other = await volume('shop', 2, 'e2');
    await remove('web-2-data');
    const executor = new SessionClient(api.connect({ token: 'executor-token' }));
    executor.send({ $case: 'volumesDeleted', value: { volumes: [mine.metadata.uid, other.metadata.uid] } });
    executor.send({ $case: 'synced', value: {} });
    await eventually(async () => expect((await api.sessionOf('e1'))?.synced).toBe(true));
    expect(await find('web-1-data')).toBeDefined();
    expect(await doomed('web-2-data')).toBeDefined();
    await executor.finish();
  });
});

test('a task has the volumes of its instance, an image of its own, and an environment with its secret', async () => {
  const made = await volume();
  const auxiliary = { type: 'x', secret: 's3cret', url: 'x://{host}', urlVariable: 'X_URL' };
  const web = Process.fromPartial({
    image: `sha256:${'2'.repeat(64)}`,
    env: { PASSWORD: '{secret}' },
    volumes: [{ name: 'data', path: '/data' }],
    auxiliary,
  });
  // As it is in the store: what a user may ask for is another matter.
  const release = await api.client.releases.getRelease({ name: 'formations/shop/releases/v1' });
  expect(release.release?.spec?.image).toBe(testImage);
  const before = await api.store.get(releases, { formation: 'shop', name: 'v1' });
  if (!before) throw new Error('no release');
  const object = { ...before, spec: { ...before.spec, processes: { ...before.spec.processes, web } } };
  await api.store.commit([{ op: 'update', kind: releases, object }]);
  const instance = await api.placeInstance();
  const executor = new SessionClient(api.connect({ token: 'executor-token' }));
  await eventually(() => expect(executor.tasks.size).toBe(1));
  const task = executor.tasks.get(instance.metadata.uid);
  expect(task).toMatchObject({
    image: web.image,
    config: {},
    process: { env: { PASSWORD: 's3cret' }, auxiliary: { secret: '' } },
  });
  expect(task?.volumes.map(({ metadata }) => metadata?.uid)).toEqual([made.metadata.uid]);
  await executor.finish();
});
