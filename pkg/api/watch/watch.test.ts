import {
  CompactedError,
  ExhaustedError,
  InvalidError,
  NotFoundError,
  UnavailableError,
} from '../../base/errors';
import type { Client } from '../../client/client';
import { Change_Type, type WatchResponse } from '../../gen/gilliam/v1/watch_service';
import { instances } from '../../resource/objects';
import { ApiHarness, eventually } from '../../testing/api-harness';

let api: ApiHarness;
const ends: AbortController[] = [];
beforeEach(async () => {
  api = await ApiHarness.start({ options: { heartbeatMs: 100, maxStreams: 3 } });
  await api.shop();
});
afterEach(async () => {
  for (const end of ends.splice(0)) end.abort();
  await api.close();
});

interface Watching {
  readonly received: WatchResponse[];
  error: unknown;
  stop(): void;
}

function watch(request: Parameters<Client['watch']['watch']>[0]): Watching {
  const end = new AbortController();
  ends.push(end);
  const watching: Watching = { received: [], error: undefined, stop: () => end.abort() };
  void (async () => {
    try {
      for await (const response of api.client.watch.watch(request, { signal: end.signal })) {
        watching.received.push(response);
      }
    } catch (error) {
      watching.error = error;
    }
  })();
  return watching;
}

const begun = (watching: Watching) => eventually(() => expect(watching.received.length).toBeGreaterThan(0));
const changesOf = ({ received }: Watching) => received.flatMap(({ changes }) => changes);
const told = (watching: Watching) =>
  changesOf(watching).map(
    ({ type, object }) =>
      `${type === Change_Type.PUT ? 'PUT' : 'DELETE'} ${object?.$case} ${object?.value.metadata?.name ?? ''}`,
  );

test('the first message says from where; then come changes, deletions with the name only', async () => {
  const watching = watch({ parent: 'formations/shop', kinds: ['Instance'] });
  await begun(watching);
  expect(watching.received[0]?.changes).toEqual([]);
  const instance = await api.placeInstance();
  const { revision } = instance.metadata;
  await api.store.commit([
    { op: 'delete', kind: instances, key: { formation: 'shop', name: 'web-1-1' }, revision },
  ]);
  await eventually(() => expect(changesOf(watching)).toHaveLength(2));
  expect(changesOf(watching)[0]).toEqual({
    type: Change_Type.PUT,
    object: { $case: 'instance', value: instance },
  });
  expect(changesOf(watching)[1]).toMatchObject({
    type: Change_Type.DELETE,
    object: {
      $case: 'instance',
      value: { metadata: { name: 'web-1-1', formation: 'shop', uid: '', revision: 0n } },
    },
  });
});

test('a watch resumes after the revision of a list or of a watch', async () => {
  const { revision } = await api.client.instances.listInstances({ parent: 'formations/shop' });
  await api.placeInstance({ ordinal: 1 });
  await api.placeInstance({ ordinal: 2 });
  const first = watch({ parent: 'formations/shop', kinds: ['Instance'], afterRevision: revision });
  await eventually(() => expect(told(first)).toEqual(['PUT instance web-1-1', 'PUT instance web-2-1']));
  first.stop();
  await api.placeInstance({ ordinal: 3 });
  const again = watch({
    parent: 'formations/shop',
    kinds: ['Instance'],
    afterRevision: first.received.at(-1)?.revision,
  });
  await eventually(() => expect(told(again)).toEqual(['PUT instance web-3-1']));
});

test('a transaction comes whole, in one message', async () => {
  const watching = watch({ parent: 'formations/shop', kinds: ['Formation', 'Release'] });
  await begun(watching);
  await api.client.releases.createRelease({
    parent: 'formations/shop',
    spec: { config: { B: '1' } },
    updateMask: ['config.B'],
  });
  await eventually(() => expect(changesOf(watching)).toHaveLength(2));
  const [message] = watching.received.filter(({ changes }) => changes.length > 0);
  expect(new Set(message?.changes.map(({ object }) => object?.$case))).toEqual(
    new Set(['formation', 'release']),
  );
});

test('of one formation, other formations and executors are not told', async () => {
  const one = watch({ parent: 'formations/shop' });
  const all = watch({ parent: 'formations/-', kinds: ['Formation', 'Instance'] });
  await begun(one);
  await begun(all);
  await api.client.formations.createFormation({ formation: { metadata: { name: 'other' } } });
  await api.placeInstance({ formation: 'other' });
  await api.placeInstance();
  await eventually(() => {
    expect(told(all)).toEqual(['PUT formation other', 'PUT instance web-1-1', 'PUT instance web-1-1']);
    expect(told(one)).toEqual(['PUT instance web-1-1']);
  });
});

test('silence is broken by how far the watch has come', async () => {
  const watching = watch({ parent: 'formations/shop', kinds: ['Scale'] });
  await begun(watching);
  const { metadata } = await api.placeInstance();
  await eventually(() => expect(watching.received.at(-1)?.revision).toBe(metadata.revision));
  expect(changesOf(watching)).toEqual([]);
});

test('invariant 8: a watch after a revision that is no longer kept is told to list again', async () => {
  const { revision } = await api.client.instances.listInstances({ parent: 'formations/shop' });
  await api.placeInstance();
  api.memory.compact(api.memory.server.revision);
  await api.stopServer();
  await api.startServer({ options: { heartbeatMs: 100 } });
  const watching = watch({ parent: 'formations/shop', afterRevision: revision });
  await eventually(() => expect(watching.error).toBeInstanceOf(CompactedError));
});

test.each<[string, Parameters<Client['watch']['watch']>[0], new (message: string) => Error, string]>([
  [
    'an unknown kind',
    { parent: 'formations/-', kinds: ['Instanc'] },
    InvalidError,
    'did you mean "Instance"?',
  ],
  ['sessions', { parent: 'formations/-', kinds: ['Session'] }, InvalidError, 'cannot be watched'],
  ['the future', { parent: 'formations/-', afterRevision: 10n ** 9n }, InvalidError, 'the store is at'],
  ['a formation that is not there', { parent: 'formations/none' }, NotFoundError, 'does not exist'],
  ['no parent', {}, InvalidError, 'parent is missing'],
])('%s is refused', async (_name, request, type, message) => {
  const watching = watch(request);
  await eventually(() => expect(watching.error).toBeInstanceOf(type));
  expect((watching.error as Error).message).toContain(message);
});

test('there are only so many streams, and one that ends makes room', async () => {
  const all = [1, 2, 3].map(() => watch({ parent: 'formations/-' }));
  await Promise.all(all.map(begun));
  const more = watch({ parent: 'formations/-' });
  await eventually(() => expect(more.error).toBeInstanceOf(ExhaustedError));
  all[0]?.stop();
  await eventually(async () => {
    const next = watch({ parent: 'formations/-' });
    await eventually(() =>
      expect(next.received.length + Number(next.error !== undefined)).toBeGreaterThan(0),
    );
    expect(next.error).toBeUndefined();
  });
});

test('when the control plane stops, watches are told so, and it stops at once', async () => {
  const watching = watch({ parent: 'formations/-' });
  await begun(watching);
  const start = performance.now();
  await api.stopServer();
  expect(performance.now() - start).toBeLessThan(2_000);
  await eventually(() => expect(watching.error).toBeInstanceOf(UnavailableError));
});
