import { labels } from '../../agent/labels';
import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import type { Process } from '../../gen/gilliam/v1/release';
import { RolloutPhase } from '../../gen/gilliam/v1/rollout';
import { entryOf } from '../../resource/entries';
import { isFinished } from '../../resource/instance';
import {
  executors,
  formations,
  instances,
  releases,
  rollouts,
  scales,
  sessions,
} from '../../resource/objects';
import type { Instance, Scale } from '../../resource/objects';
import type { Violation } from './checks';
import { nameOf, watchedKinds } from './watcher';
import type { World } from './world';

type Unmet = Omit<Violation, 'atMs'>;

/** What is not yet as it has to be when faults have ended and some time has passed; nothing when all is well. */
export function unmet(world: World): Unmet[] {
  return [
    ...unconnected(world),
    ...unfinished(world),
    ...world.history.list(scales).flatMap((scale) => miscounted(world, scale)),
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

/** Invariant 3: as many as asked for. Invariant 11: or why not. */
function miscounted({ history }: World, { metadata, spec }: Scale): Unmet[] {
  const { formation, name } = metadata;
  const release = history.get(releases, formation, name);
  if (!release || history.get(formations, '', formation)?.metadata.deleted) return [];
  return Object.entries(spec.factors).flatMap(([process, factor]) => {
    const definition = entryOf(release.spec.processes, process);
    const own = history
      .list(instances)
      .filter(
        ({ metadata: of, spec: is }) =>
          of.formation === formation && is.release === name && is.process === process,
      )
      .filter(({ spec: is }) => !is.oneOff);
    const what = `${formation} ${name} ${process}`;
    if (definition?.command[0] === 'missing') return unexplained(what, own, InstanceState.FAILED);
    if (definition?.requirements.length) return unexplained(what, own, InstanceState.PENDING);
    const ready = own.filter(({ status }) => status.state === InstanceState.RUNNING && status.ready).length;
    return ready === factor
      ? []
      : [{ invariant: 3, what: `${what} has ${ready} ready instances of ${factor}` }];
  });
}

/** Of what cannot run, the newest of each ordinal says why. */
function unexplained(what: string, own: readonly Instance[], state: InstanceState): Unmet[] {
  const silent = own.filter(({ status }) => status.state === state && (!status.reason || !status.message));
  const some = own.some(({ status }) => status.state === state);
  if (!some) return [{ invariant: 11, what: `${what} cannot run, and nobody says so` }];
  return silent.map(({ metadata }) => ({
    invariant: 11,
    what: `${metadata.name} does not say why it is ${state}`,
  }));
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
