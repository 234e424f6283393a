import { labels } from '../../agent/labels';
import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import type { Process } from '../../gen/gilliam/v1/release';
import { RolloutPhase } from '../../gen/gilliam/v1/rollout';
import { isFinished } from '../../resource/instance';
import {
  cronJobs,
  executors,
  formations,
  instances,
  releases,
  rollouts,
  sessions,
} from '../../resource/objects';
import type { Violation } from './checks';
import { miscounted } from './counted';
import { nameOf, watchedKinds } from './watcher';
import type { World } from './world';

export type Unmet = Omit<Violation, 'atMs'>;

/** How long a run may wait for the one before it to stop, and be placed. */
const overdueMs = 15_000;

/** What is not yet as it has to be when faults have ended and some time has passed; nothing when all is well. */
export function unmet(world: World): Unmet[] {
  return [
    ...unconnected(world),
    ...unfinished(world),
    ...miscounted(world),
    ...overdue(world),
    ...misplaced(world),
    ...unseen(world),
  ];
}

function unconnected({ history, machines }: World): Unmet[] {
  return machines.flatMap(({ name }) => {
    const state = history.get(executors, '', name)?.status.state;
    const session = history.get(sessions, '', name);
    if (state === ExecutorState.READY && session?.synced) return [];
    return [{ invariant: 3, what: `executor ${name} is ${state ?? 'unknown'}, and takes no work` }];
  });
}

/** Rollouts that go neither on nor back, formations that are never gone. */
function unfinished(world: World): Unmet[] {
  const { history } = world;
  const { PROGRESSING, ABORTING, UNSPECIFIED } = RolloutPhase;
  return [
    ...history.list(rollouts).flatMap(({ metadata, spec, status }) => {
      if (![PROGRESSING, ABORTING, UNSPECIFIED].includes(status.phase)) return [];
      // Back to what cannot run it goes for ever: it does not take away what runs for that.
      const stuck =
        status.phase === ABORTING && spec.from.some((name) => isFlawed(world, metadata.formation, name));
      return stuck
        ? []
        : [{ invariant: 3, what: `the rollout of ${metadata.formation} is still ${status.phase}` }];
    }),
    ...history.list(formations).flatMap(({ metadata }) => {
      return metadata.deleted ? [{ invariant: 3, what: `${metadata.name} is deleted, and still there` }] : [];
    }),
  ];
}

function isFlawed({ history }: World, formation: string, name: string): boolean {
  const processes = Object.values(history.get(releases, formation, name)?.spec.processes ?? {});
  return processes.some(cannotRun);
}

function cannotRun({ command, requirements }: Process): boolean {
  return command[0] === 'missing' || requirements.length > 0;
}

/** Jobs that are due, and are not run. */
function overdue({ history, time }: World): Unmet[] {
  return history.list(cronJobs).flatMap(({ metadata, spec, status }) => {
    const { nextDue, observedGeneration } = status;
    const what = `cron job ${metadata.formation}/${metadata.name}`;
    if (history.get(formations, '', metadata.formation)?.metadata.deleted) return [];
    if (observedGeneration !== metadata.generation)
      return [{ invariant: 3, what: `${what} is not looked at` }];
    // One that replaces its last run waits for that to end.
    const late = !spec.suspended && (!nextDue || nextDue.getTime() < time.now() - overdueMs);
    return late ? [{ invariant: 3, what: `${what} is due, and does not run` }] : [];
  });
}

/** Containers run where and only where an instance says so. */
function misplaced({ history, machines }: World): Unmet[] {
  const found: Unmet[] = [];
  const running = new Set<string>();
  for (const machine of machines) {
    for (const container of machine.engine.running) {
      const uid = container.labels[labels.instance] ?? '';
      running.add(uid);
      const state = history.instance(uid)?.instance.status.state;
      if (state === InstanceState.RUNNING) continue;
      found.push({ invariant: 3, what: `${container.labels[labels.name]} runs, and is ${state}` });
    }
  }
  for (const { metadata, status, spec } of history.list(instances)) {
    const { state } = status;
    if (state === InstanceState.RUNNING && !running.has(metadata.uid) && status.ready) {
      found.push({
        invariant: 3,
        what: `${metadata.name} is running, and has no container on ${spec.executor}`,
      });
    }
    const resting = state === InstanceState.RUNNING || state === InstanceState.PENDING || isFinished(state);
    if (!resting) found.push({ invariant: 3, what: `${metadata.name} stays ${state}` });
  }
  return found;
}

/** Invariant 8: who watches has come to know all that there is. */
function unseen({ history, watcher, replicas }: World): Unmet[] {
  const found: Unmet[] = [];
  const known = new Map(watcher.objects);
  for (const kind of watchedKinds) {
    for (const { metadata } of history.list(kind)) {
      const name = nameOf(kind.name, metadata);
      if (known.get(name) !== metadata.revision)
        found.push({ invariant: 8, what: `the watcher knows an old ${name}` });
      known.delete(name);
    }
  }
  for (const name of known.keys())
    found.push({ invariant: 8, what: `the watcher knows ${name}, which is gone` });
  for (const { plane, name } of replicas) {
    const stale = watchedKinds.find((kind) => {
      const cached = plane?.caches.of(kind).list() ?? [];
      return summary(cached) !== summary(history.list(kind));
    });
    if (stale) found.push({ invariant: 8, what: `the cache of ${name} shows an old ${stale.name}` });
  }
  return found;
}

function summary(
  objects: readonly { readonly metadata: { readonly uid: string; readonly revision: bigint } }[],
) {
  return objects
    .map(({ metadata }) => `${metadata.uid} ${metadata.revision}`)
    .sort()
    .join();
}
