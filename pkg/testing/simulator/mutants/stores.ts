import { ConflictError } from '../../../base/errors';
import { InstanceSpec_Desired, InstanceState } from '../../../gen/gilliam/v1/instance';
import { cronJobs, formations, instances, releases, scales, volumes } from '../../../resource/objects';
import type { Release } from '../../../resource/objects';
import type { Store, Write } from '../../../store/store';
import { altered } from '../altered';
import { rewriting, writtenTo } from './rewriting';

// Stores that break what relies on them: each as its name says, and otherwise like the one that it is made of.

export function movesInstances(store: Store): Store {
  return altered(store, {
    commit: async (writes, guards, signal) => {
      const revision = await store.commit(writes, guards, signal);
      const placed = writtenTo(instances, writes, 'update').find(
        ({ status }) => status.state === InstanceState.ASSIGNED,
      );
      if (!placed) return revision;
      const metadata = { ...placed.metadata, revision };
      const moved = { ...placed, metadata, spec: { ...placed.spec, executor: 'elsewhere' } };
      return store.commit([{ op: 'update', kind: instances, object: moved }], guards, signal);
    },
  });
}

export const makesPlaced = rewriting(instances, 'create', (instance) => ({
  ...instance,
  spec: { ...instance.spec, executor: 'e1' },
}));

export const replacesNothing = rewriting(instances, 'create', (instance) =>
  instance.spec.incarnation > 1 ? undefined : instance,
);

export const keepsAll = rewriting(instances, 'update', (instance) =>
  instance.spec.desired === InstanceSpec_Desired.STOPPED ? undefined : instance,
);

export const changesReleases = (store: Store): Store =>
  afterRelease(store, (release, revision) => {
    const metadata = { ...release.metadata, revision };
    const changed = { ...release, metadata, spec: { ...release.spec, config: { CHANGED: '1' } } };
    return store.commit([{ op: 'update', kind: releases, object: changed }]);
  });

/** What was made anew is made a second time under its name, once it is gone. */
export const usesNumbersTwice = (store: Store): Store =>
  afterRelease(store, async ({ metadata, ...rest }, revision) => {
    await store.commit([{ op: 'delete', kind: releases, key: metadata, revision }]);
    return store.commit([{ op: 'create', kind: releases, object: { ...rest, metadata } }]);
  });

export const countsBack = rewriting(formations, 'update', (formation) => {
  const { status } = formation;
  return status.lastRelease < 2 ? formation : { ...formation, status: { ...status, lastRelease: 0 } };
});

export const movesVolumes = rewriting(volumes, 'update', (volume) => ({
  ...volume,
  spec: { ...volume.spec, executor: 'elsewhere' },
}));

export const forgetsCronJobs = rewriting(cronJobs, 'update', () => undefined);

export const forgetsScales = rewriting(scales, 'update', () => undefined);

/** What executors report, that is. */
export const forgetsReports = rewriting(instances, 'update', () => undefined);

/** A compare-and-swap that swaps whatever it finds. */
export function ignoresConflicts(store: Store): Store {
  const withNewest = async (write: Write): Promise<Write> => {
    if (write.op !== 'update') return write;
    const now = await store.get(write.kind, write.object.metadata);
    const metadata = { ...write.object.metadata, revision: now?.metadata.revision ?? 0n };
    return { ...write, object: { ...write.object, metadata } };
  };
  return altered(store, {
    commit: async (writes, guards, signal) => {
      try {
        return await store.commit(writes, guards, signal);
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        return store.commit(await Promise.all(writes.map(withNewest)), [], signal);
      }
    },
  });
}

export function skipsChanges(store: Store): Store {
  return altered(store, {
    watch: async function* (options, signal) {
      let batches = 0;
      for await (const batch of store.watch(options, signal)) {
        yield ++batches % 10 === 0 ? { ...batch, changes: [] } : batch;
      }
    },
  });
}

/** The leader's key guards nothing. */
export function withoutFence(store: Store): Store {
  return altered(store, {
    commit: (writes, guards = [], signal) => {
      const others = guards.filter(({ guard }) => guard !== 'leadership');
      return store.commit(writes, others, signal);
    },
  });
}

/** Of what is pending. */
export const neverSaysWhy = rewriting(instances, 'update', (instance) =>
  instance.status.state === InstanceState.PENDING ? undefined : instance,
);

export const forgetsMessages = rewriting(instances, 'update', (instance) => ({
  ...instance,
  status: { ...instance.status, message: '' },
}));

function afterRelease(store: Store, then: (release: Release, revision: bigint) => Promise<bigint>): Store {
  return altered(store, {
    commit: async (writes, guards, signal) => {
      const revision = await store.commit(writes, guards, signal);
      const [release] = writtenTo(releases, writes, 'create');
      return release ? then(release, revision) : revision;
    },
  });
}
