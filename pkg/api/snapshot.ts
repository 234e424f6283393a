import { isFinished } from '../resource/instance';
import { processOfInstance } from '../resource/instance-process';
import { executors, instances, releases, volumes } from '../resource/objects';
import type { Snapshot } from '../scheduler/types';
import type { ApiContext } from './api-context';

/** What the scheduler would decide on now. */
export function snapshot({ caches }: Pick<ApiContext, 'caches'>): Snapshot {
  return {
    executors: caches.of(executors).list(),
    instances: caches
      .of(instances)
      .list()
      .filter(({ status }) => !isFinished(status.state)),
    processOf(instance) {
      const key = { formation: instance.metadata.formation, name: instance.spec.release };
      return processOfInstance(instance, caches.of(releases).get(key));
    },
    volume: (formation, name) => caches.of(volumes).get({ formation, name }),
  };
}
