import fc from 'fast-check';
import { InstanceSpec_Desired, InstanceState } from '../../gen/gilliam/v1/instance';
import { LogsWanted, type ConnectResponse } from '../../gen/gilliam/v1/session_service';
import type { CacheReader } from '../../reconcile/cache';
import { instances, type Instance } from '../../resource/objects';
import { AssignmentIndex, isAssigned, taskVersion } from './assignment';
import { Outbox } from './outbox';

type Listener = Parameters<CacheReader<Instance>['onChange']>[0];

const noPeers = { list: [] };
const noDeletions = { of: () => [] };
const never = { get: () => undefined };
const nothing = { releases: never, formations: never, volumes: never, scales: never };

/** A cache that a test changes by hand. */
class FakeCache {
  readonly objects = new Map<string, Instance>();
  #listener: Listener = () => {};

  list = () => [...this.objects.values()];

  onChange(listener: Listener) {
    this.#listener = listener;
    return { dispose() {} };
  }

  set(name: string, after: Instance | undefined): void {
    const before = this.objects.get(name);
    if (after) this.objects.set(name, after);
    else this.objects.delete(name);
    this.#listener({ formation: 'shop', name }, after, before);
  }
}

const states = [
  InstanceState.ASSIGNED,
  InstanceState.RUNNING,
  InstanceState.STOPPED,
  InstanceState.FAILED,
  InstanceState.LOST,
];
const desires = [InstanceSpec_Desired.RUNNING, InstanceSpec_Desired.STOPPED];

const change = fc.record({
  name: fc.constantFrom('web-1-1', 'web-2-1', 'web-3-1'),
  uid: fc.constantFrom('u1', 'u2'),
  executor: fc.constantFrom('e1', 'e2', ''),
  state: fc.constantFrom(...states),
  desired: fc.constantFrom(...desires),
  gone: fc.boolean(),
  // How many messages the executor takes after the change.
  reads: fc.nat({ max: 2 }),
});

function toInstance({
  name,
  uid,
  executor,
  state,
  desired,
}: typeof change extends fc.Arbitrary<infer T> ? T : never) {
  const empty = instances.decode(new Uint8Array());
  return {
    ...empty,
    metadata: { ...empty.metadata, formation: 'shop', name, uid: `${name}/${uid}` },
    spec: { ...empty.spec, release: 'v1', process: 'web', executor, desired },
    status: { ...empty.status, state },
  };
}

test('an executor comes to know exactly what is assigned to it, however slowly it reads', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 40 }), async (changes) => {
      const cache = new FakeCache();
      const boxes = new Map<string, Outbox>();
      const index = new AssignmentIndex(cache, (executor, uid) => boxes.get(executor)?.touch(uid));
      const outbox = new Outbox('e1', index, nothing, noPeers, noDeletions);
      boxes.set('e1', outbox);
      const end = new AbortController();
      const messages = outbox.messages(end.signal);
      const known = new Map<string, string>();
      const take = ({ message }: ConnectResponse) => {
        if (message?.$case !== 'assignment' && message?.$case !== 'change') return;
        if (message.$case === 'assignment') known.clear();
        else for (const uid of message.value.forgotten) expect(known.delete(uid)).toBe(true);
        for (const { instance } of message.value.tasks) {
          known.set(instance?.metadata?.uid ?? '', taskVersion(instance as Instance));
        }
      };
      // An acknowledgement comes before a change: when only it is left, all changes have been read.
      let pending: Promise<IteratorResult<ConnectResponse>> | undefined;
      const read = async () => {
        pending ??= messages.next();
        const result = await Promise.race([
          pending,
          new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined))),
        ]);
        if (!result) return false;
        pending = undefined;
        if (!result.done) take(result.value);
        return true;
      };
      for (const each of changes) {
        cache.set(each.name, each.gone ? undefined : toInstance(each));
        for (let reads = 0; reads < each.reads; reads++) await read();
      }
      while (await read());
      const expected = cache
        .list()
        .filter((instance) => instance.spec.executor === 'e1' && isAssigned(instance))
        .map((instance) => [instance.metadata.uid, taskVersion(instance)] as const);
      expect(known).toEqual(new Map(expected));
      end.abort();
    }),
    { numRuns: 200 },
  );
});

test('acknowledgements that were not taken yet become one', async () => {
  const cache = new FakeCache();
  const outbox = new Outbox('e1', new AssignmentIndex(cache, () => {}), nothing, noPeers, noDeletions);
  const end = new AbortController();
  const messages = outbox.messages(end.signal);
  await messages.next();
  for (let sequence = 1n; sequence <= 5n; sequence++) outbox.acknowledge(sequence);
  expect((await messages.next()).value).toEqual({ message: { $case: 'ack', value: { sequence: 5n } } });
  const next = messages.next();
  end.abort();
  expect((await next).done).toBe(true);
});

test('only so many logs are asked for', () => {
  const outbox = new Outbox(
    'e1',
    new AssignmentIndex(new FakeCache(), () => {}),
    nothing,
    noPeers,
    noDeletions,
  );
  const wanted = LogsWanted.fromPartial({ stream: 's', uid: 'u' });
  expect(Array.from({ length: 1_001 }, () => outbox.wantLogs(wanted)).filter((taken) => !taken)).toHaveLength(
    1,
  );
});
