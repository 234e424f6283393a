import { ConflictError, DeniedError, InvalidError, NotFoundError, PreconditionError } from '../base/errors';
import { InstanceState } from '../gen/gilliam/v1/instance';
import { ApiHarness, eventually } from '../testing/api-harness';
import { SessionClient } from '../testing/session-client';

let api: ApiHarness;
let executor: SessionClient;
beforeEach(async () => {
  api = await ApiHarness.start();
  executor = new SessionClient(api.connect({ token: 'executor-token' }));
  await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'));
});
afterEach(async () => {
  await executor.abort();
  await api.close();
});

const update = async (spec: { cordoned?: boolean; draining?: boolean }, over: object = {}) => {
  const { executor } = await api.client.executors.updateExecutor({
    executor: { metadata: { name: 'e1' }, spec },
    updateMask: Object.keys(spec),
    ...over,
  });
  return executor;
};

test('draining implies cordoned, and uncordoning ends both', async () => {
  expect((await update({ draining: true }))?.spec).toEqual({ cordoned: true, draining: true });
  expect((await update({ draining: false }))?.spec).toEqual({ cordoned: true, draining: false });
  await update({ draining: true });
  const last = await update({ cordoned: false });
  expect(last).toMatchObject({ spec: { cordoned: false, draining: false }, metadata: { generation: 5n } });
});

test('what changes nothing, and validate_only, write nothing', async () => {
  const before = (await api.client.executors.getExecutor({ name: 'executors/e1' })).executor;
  expect(await update({ cordoned: false })).toEqual(before);
  expect((await update({ cordoned: true }, { validateOnly: true }))?.spec?.cordoned).toBe(true);
  expect((await api.client.executors.getExecutor({ name: 'executors/e1' })).executor).toEqual(before);
});

test('a change with a revision is refused when the executor has changed since', async () => {
  const before = await update({ cordoned: true });
  await update({ cordoned: false });
  const metadata = { name: 'e1', revision: before?.metadata?.revision };
  const late = update({}, { executor: { metadata, spec: { cordoned: true } }, updateMask: ['cordoned'] });
  await expect(late).rejects.toThrow(ConflictError);
});

test.each<[string, object, new (message: string) => Error, string]>([
  ['no mask', { updateMask: [] }, InvalidError, 'update_mask is missing'],
  ['a wrong mask', { updateMask: ['host'] }, InvalidError, 'update_mask names "host"'],
  ['no spec', { executor: { metadata: { name: 'e1' } } }, InvalidError, 'executor.spec is missing'],
  ['no name', { executor: { spec: {} } }, InvalidError, 'executor name is missing'],
  [
    'an unknown one',
    { executor: { metadata: { name: 'e2' }, spec: {} } },
    NotFoundError,
    'did you mean "e1"?',
  ],
])('%s is refused', async (_name, over, type, message) => {
  const error = (await update({ cordoned: true }, over).catch((thrown: unknown) => thrown)) as Error;
  expect(error).toBeInstanceOf(type);
  expect(error.message).toContain(message);
});

test('who did what is told as events of formations/-', async () => {
  await update({ cordoned: true });
  await update({ draining: true });
  await update({ cordoned: false });
  const { events } = await api.client.events.listEvents({ parent: 'formations/-', about: 'e1' });
  expect(events.map(({ reason }) => reason)).toEqual(['Cordoned', 'Draining', 'Uncordoned']);
  const { executors } = await api.client.executors.listExecutors({});
  expect(executors.map(({ metadata }) => metadata?.name)).toEqual(['e1']);
});

describe('an executor that is gone for good', () => {
  const forget = (over: object = {}) =>
    api.client.executors.deleteExecutor({ name: 'executors/e1', ...over });
  const names = async () =>
    (await api.client.executors.listExecutors({})).executors.map(({ metadata }) => metadata?.name);
  const gone = () =>
    executor.abort().then(() => eventually(async () => expect(await api.sessionOf('e1')).toBeUndefined()));

  test('is taken off the list, and on it again when it connects', async () => {
    await gone();
    expect((await forget({ validateOnly: true })).executor?.metadata?.name).toBe('e1');
    expect(await names()).toEqual(['e1']);
    await forget();
    expect(await names()).toEqual([]);
    await expect(forget()).rejects.toThrow(NotFoundError);
    const { events } = await api.client.events.listEvents({ parent: 'formations/-', about: 'e1' });
    expect(events.map(({ reason }) => reason)).toEqual(['Forgotten']);
    executor = new SessionClient(api.connect({ token: 'executor-token' }));
    await eventually(async () => expect(await names()).toEqual(['e1']));
  });

  test('is not while it is connected', async () => {
    await expect(forget()).rejects.toThrow(
      /is connected, .* gilliam executor drain e1, and gilliam down --forget/,
    );
  });

  test('is not while it may still run something', async () => {
    await api.shop();
    await api.placeInstance({ state: InstanceState.RUNNING });
    await gone();
    await expect(forget()).rejects.toThrow(PreconditionError);
    await expect(forget()).rejects.toThrow('may still run shop/web.1: wait until it is declared lost');
    await api.changeInstance('web-1-1', (instance) => ({
      ...instance,
      status: { ...instance.status, state: InstanceState.LOST },
    }));
    await forget();
  });
});

test('executors may ask for the stage, and for what it knows of one of them', async () => {
  const client = api.connect({ token: 'executor-token' });
  const { stage, executor: found } = await client.stage.getStage({ executor: 'executors/e1' });
  expect([stage, found?.metadata?.name, found?.status?.host]).toEqual(['test', 'e1', '127.0.0.1']);
  expect((await client.stage.getStage({ executor: 'executors/e2' })).executor).toBeUndefined();
  expect((await client.stage.getStage({})).executor).toBeUndefined();
  await expect(client.executors.listExecutors({})).rejects.toThrow(DeniedError);
});
