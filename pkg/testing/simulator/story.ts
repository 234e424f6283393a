import {
  cronJobs,
  executors,
  formations,
  instances,
  rollouts,
  scales,
  volumes,
} from '../../resource/objects';
import type { CronJob, Executor, Instance, Rollout, Scale, Volume } from '../../resource/objects';
import type { StoreChange } from './history';

/** What a change means to someone who reads a trace; undefined when it is of no interest. */
export function storyOf({ kind, path, object, before }: StoreChange): string | undefined {
  const gist = gists[kind.name];
  if (!gist) return undefined;
  if (!object) return `  ${path} is gone`;
  const [was, is] = [before && gist(before as never), gist(object as never)];
  return was === is ? undefined : `  ${path} ${is}`;
}

const gists: Readonly<Record<string, (object: never) => string>> = {
  [formations.name]: () => '',
  [instances.name]: ({ metadata, spec, status }: Instance) => {
    const state = status.state.replace('INSTANCE_STATE_', '').toLowerCase();
    const ready = status.ready ? ' ready' : '';
    const wish = spec.desired.endsWith('STOPPED') ? ', to stop' : '';
    return `${metadata.uid.slice(0, 8)} ${spec.release} ${state}${ready} on ${spec.executor || '-'}${wish} ${status.reason}`;
  },
  [executors.name]: ({ spec, status }: Executor) => {
    const state = status.state.replace('EXECUTOR_STATE_', '').toLowerCase();
    return `${state}${spec.draining ? ' draining' : spec.cordoned ? ' cordoned' : ''}`;
  },
  [scales.name]: ({ spec }: Scale) => JSON.stringify(spec.factors),
  [volumes.name]: ({ metadata, spec }: Volume) =>
    `${metadata.uid.slice(0, 8)} on ${spec.executor}${metadata.deleted ? ', to be deleted' : ''}`,
  [cronJobs.name]: ({ spec, status }: CronJob) =>
    `${spec.suspended ? 'suspended ' : ''}${status.lastReason} ${status.lastInstance}`,
  [rollouts.name]: ({ spec, status }: Rollout) => {
    const phase = status.phase.replace('ROLLOUT_PHASE_', '').toLowerCase();
    return `to ${spec.to} ${phase} ${status.reason}`;
  },
};
