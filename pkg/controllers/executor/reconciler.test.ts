import { ExecutorState } from '../../gen/gilliam/v1/executor';
import type { CacheReader } from '../../reconcile/cache';
import type { Executor, Instance, Session, StoredObject } from '../../resource/objects';
import { executors } from '../../resource/objects';
import type { Write } from '../../store/store';
import { VirtualClock } from '../../testing/virtual-clock';
import { ExecutorReconciler } from './reconciler';

const signal = new AbortController().signal;

function cacheOf<T extends StoredObject>(get: () => T | undefined): CacheReader<T> {
  return {
    get,
    list: () => [get()].filter((item) => item !== undefined),
  } as unknown as CacheReader<T>;
}

test('an executor that was back between two looks has been gone only since then', async () => {
  const clock = new VirtualClock();
  let executor = { ...executors.decode(new Uint8Array()) };
  Object.assign(executor.metadata, { name: 'e1' });
  const seen = (session: bigint) =>
    (executor = { ...executor, status: { ...executor.status, state: ExecutorState.READY, session } });
  const reconciler = new ExecutorReconciler({
    caches: {
      executors: cacheOf<Executor>(() => executor),
      sessions: cacheOf<Session>(() => undefined),
      instances: cacheOf<Instance>(() => undefined),
    },
    writer: {
      commit: async ([write]: readonly Write[]) => {
        if (write && 'object' in write) executor = write.object as Executor;
      },
      commitEach: async () => [],
    },
    events: { record: () => {} },
    clock,
  });
  seen(1n);
  await reconciler.reconcile('e1', signal);
  expect(executor.status.state).toBe(ExecutorState.DISCONNECTED);
  await clock.advance(9_000);
  seen(2n);
  await reconciler.reconcile('e1', signal);
  await clock.advance(9_000);
  await reconciler.reconcile('e1', signal);
  expect(executor.status.state).toBe(ExecutorState.DISCONNECTED);
  await clock.advance(1_000);
  await reconciler.reconcile('e1', signal);
  expect(executor.status.state).toBe(ExecutorState.LOST);
});
