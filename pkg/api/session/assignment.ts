import { InstanceState } from '../../gen/gilliam/v1/instance';
import type { Process } from '../../gen/gilliam/v1/release';
import type { Task } from '../../gen/gilliam/v1/session_service';
import type { CacheReader } from '../../reconcile/cache';
import { isFinished } from '../../resource/instance';
import {
  configOf,
  imageOf,
  processOfInstance,
  runnable,
  volumeName,
  volumesOf,
} from '../../resource/instance-process';
import type { Formation, Instance, Release, Scale, Volume } from '../../resource/objects';
import { importedUrls } from './imported-urls';
import { noSurroundings, type Surroundings, surroundingsOf, surroundingsVersion } from './surroundings';

/**
 * Whether the instance's executor has to know it: to run it, or to stop it. A lost one is to be stopped for as long as
 * it is remembered: its executor may come back at any time.
 */
export function isAssigned({ spec, status }: Instance): boolean {
  return spec.executor !== '' && (!isFinished(status.state) || status.state === InstanceState.LOST);
}

/**
 * What of a task can change: everything else of an instance and all of its release is fixed. An executor is not told
 * what it has itself reported.
 */
export function taskVersion(
  { spec, status }: Instance,
  around: Surroundings = noSurroundings,
  trafficPercent?: number,
): string {
  const lost = status.state === InstanceState.LOST ? 'lost' : '';
  return `${spec.desired} ${lost} ${trafficPercent ?? ''} ${surroundingsVersion(around)}`;
}

/** Where tasks are put together from. */
export interface TaskSources {
  readonly releases: Pick<CacheReader<Release>, 'get'>;
  readonly formations: Pick<CacheReader<Formation>, 'get'>;
  readonly volumes: Pick<CacheReader<Volume>, 'get'>;
  readonly scales: Pick<CacheReader<Scale>, 'get'>;
}

/** The share of the requests that the instance's release was given. */
export function trafficPercentOf({ metadata, spec }: Instance, { scales }: Pick<TaskSources, 'scales'>) {
  return scales.get({ formation: metadata.formation, name: spec.release })?.spec.trafficPercent;
}

/** The instance with what its release and its formation say. */
export function toTask(instance: Instance, sources: TaskSources): Task {
  const { metadata, spec } = instance;
  const { sharedWith, imports } = surroundingsOf(instance, sources.formations);
  const release = sources.releases.get({ formation: metadata.formation, name: spec.release });
  const process = processOfInstance(instance, release);
  return {
    instance,
    image: release ? imageOf(process, release) : '',
    config: release ? { ...importedConfig(instance, process, sources), ...configOf(process, release) } : {},
    process: process && runnable(spec.oneOff?.like || spec.process, process, metadata.formation),
    trafficPercent: trafficPercentOf(instance, sources),
    sharedWith: [...sharedWith],
    imports: { ...imports },
    volumes: process ? volumesOfTask(instance, process, sources.volumes) : [],
  };
}

/** As the URLs of the formation's own auxiliary services: not where the process says something else itself. */
function importedConfig(
  { metadata: { formation } }: Instance,
  process: Process | undefined,
  sources: TaskSources,
): Record<string, string> {
  if (process?.auxiliary) return {};
  const imports = sources.formations.get({ formation: '', name: formation })?.spec.imports ?? {};
  const urls = Object.entries(importedUrls(formation, imports, sources));
  return Object.fromEntries(urls.filter(([name]) => !process || !Object.hasOwn(process.env, name)));
}

/** They are written in the transaction that places the instance: who sees that sees them. */
function volumesOfTask(
  instance: Instance,
  process: Process,
  volumes: Pick<CacheReader<Volume>, 'get'>,
): Volume[] {
  const { metadata, spec } = instance;
  return volumesOf(instance, process).flatMap(({ name: volume }) => {
    const name = volumeName(spec.process, spec.ordinal, volume);
    const found = volumes.get({ formation: metadata.formation, name });
    return found ? [found] : [];
  });
}

/** Which instances each executor has to know, by uid, in step with the cache. */
export class AssignmentIndex {
  readonly #byExecutor = new Map<string, Map<string, Instance>>();
  readonly #subscription: { dispose(): void };

  /** `onChange` is told of each instance of an executor that changed in any way. */
  constructor(
    cache: Pick<CacheReader<Instance>, 'list' | 'onChange'>,
    onChange: (executor: string, uid: string) => void,
  ) {
    for (const instance of cache.list()) this.#put(instance);
    this.#subscription = cache.onChange((_key, after, before) => {
      // A name that was taken again is another instance. None ever moves, but the index does not rely on that.
      if (before && !(after && sameHolder(before, after))) {
        this.#byExecutor.get(before.spec.executor)?.delete(before.metadata.uid);
        onChange(before.spec.executor, before.metadata.uid);
      }
      if (!after) return;
      this.#put(after);
      onChange(after.spec.executor, after.metadata.uid);
    });
  }

  get(executor: string, uid: string): Instance | undefined {
    return this.#byExecutor.get(executor)?.get(uid);
  }

  of(executor: string): Iterable<Instance> {
    return this.#byExecutor.get(executor)?.values() ?? [];
  }

  dispose(): void {
    this.#subscription.dispose();
  }

  #put(instance: Instance): void {
    const { executor } = instance.spec;
    let held = this.#byExecutor.get(executor);
    if (!isAssigned(instance)) {
      held?.delete(instance.metadata.uid);
      if (held?.size === 0) this.#byExecutor.delete(executor);
      return;
    }
    if (!held) this.#byExecutor.set(executor, (held = new Map<string, Instance>()));
    held.set(instance.metadata.uid, instance);
  }
}

function sameHolder(left: Instance, right: Instance): boolean {
  return left.metadata.uid === right.metadata.uid && left.spec.executor === right.spec.executor;
}
