import { ExecutorState } from '../../gen/gilliam/v1/executor';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { Process } from '../../gen/gilliam/v1/release';
import { isAuxiliary } from '../../resource/auxiliary';
import { entryOf } from '../../resource/entries';
import { executors, formations, instances, releases, scales, volumes } from '../../resource/objects';
import type { Instance } from '../../resource/objects';
import type { Unmet } from './settled';
import type { World } from './world';

/** Releases whose instances of a service count together, and how many there are to be. */
interface Demand {
  readonly formation: string;
  readonly process: string;
  /** One of the releases. */
  readonly release: string;
  readonly cohort: string;
  readonly definition: Process | undefined;
  readonly factor: number;
}

/** Invariant 3: as many as asked for. Invariant 11: or why not. */
export function miscounted(world: World): Unmet[] {
  return demandsOf(world).flatMap((demand) => {
    const { formation, process, definition, factor } = demand;
    const own = world.history.list(instances).filter(({ metadata, spec }) => {
      if (metadata.formation !== formation || spec.process !== process || spec.oneOff) return false;
      return cohortIn(world, formation, spec.release, process) === demand.cohort;
    });
    const what = `${formation} ${demand.release} ${process}`;
    if (definition?.command[0] === 'missing') return unexplained(what, own, InstanceState.FAILED);
    if (definition?.requirements.length) return unexplained(what, own, InstanceState.PENDING);
    const ready = own.filter(({ status }) => status.state === InstanceState.RUNNING && status.ready).length;
    const away = waitingForData(world, formation, process, factor);
    if (ready + away !== factor) {
      return [{ invariant: 3, what: `${what} has ${ready} ready instances of ${factor}` }];
    }
    return away === 0 ? [] : unexplained(what, own, InstanceState.PENDING);
  });
}

/** Of an auxiliary service, releases that define it in the same words have one cohort; with data, all releases have. */
function demandsOf(world: World): readonly Demand[] {
  const { history } = world;
  const found = new Map<string, Demand>();
  for (const { metadata, spec } of history.list(scales)) {
    const { formation, name } = metadata;
    const release = history.get(releases, formation, name);
    if (!release || history.get(formations, '', formation)?.metadata.deleted) continue;
    for (const [process, factor] of Object.entries(spec.factors)) {
      const definition = entryOf(release.spec.processes, process);
      const cohort = cohortIn(world, formation, name, process);
      const id = `${formation} ${process} ${cohort}`;
      const most = Math.max(factor, found.get(id)?.factor ?? 0);
      found.set(id, { formation, process, definition, release: name, cohort, factor: most });
    }
  }
  return [...found.values()];
}

/** The same for releases whose instances of the process count together. */
function cohortIn({ history }: World, formation: string, release: string, process: string): string {
  const definition = entryOf(history.get(releases, formation, release)?.spec.processes ?? {}, process);
  if (!isAuxiliary(process) || !definition) return release;
  if (definition.volumes.length > 0) return '';
  return Buffer.from(Process.encode(definition).finish()).toString('hex');
}

/** How many ordinals have their data on an executor that takes no work. */
function waitingForData({ history }: World, formation: string, process: string, factor: number): number {
  const closed = new Set(
    history
      .list(executors)
      .filter(({ spec, status }) => spec.cordoned || spec.draining || status.state !== ExecutorState.READY)
      .map(({ metadata }) => metadata.name),
  );
  const holds = (ordinal: number) =>
    history
      .list(instances)
      .some(
        ({ metadata, spec, status }) =>
          metadata.formation === formation &&
          spec.process === process &&
          spec.ordinal === ordinal &&
          status.state === InstanceState.RUNNING,
      );
  return history.list(volumes).filter(({ metadata, spec }) => {
    const own = metadata.formation === formation && spec.service === process && !metadata.deleted;
    return own && spec.ordinal <= factor && closed.has(spec.executor) && !holds(spec.ordinal);
  }).length;
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
