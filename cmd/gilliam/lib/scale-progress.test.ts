import {
  Instance,
  InstanceSpec_Desired,
  InstanceState,
  type InstanceStatus,
} from '../../../pkg/gen/gilliam/v1/instance';
import { scaleProgress } from './scale-progress';

function instance(name: string, status: Partial<InstanceStatus>, release = 'v2'): Instance {
  const [process = '', ordinal] = name.split('.');
  return Instance.fromPartial({
    spec: {
      release,
      process,
      ordinal: Number(ordinal),
      incarnation: 1,
      desired: InstanceSpec_Desired.RUNNING,
    },
    status,
  });
}

const up = { state: InstanceState.RUNNING, ready: true };
const pending = { state: InstanceState.PENDING, message: 'no executor' };

test.each<
  [string, Record<string, number>, Instance[], { done: boolean; summary: string; obstacle?: string }]
>([
  ['nothing is there yet', { web: 2 }, [], { done: false, summary: 'web 0/2' }],
  ['nothing is wanted', { web: 0 }, [], { done: true, summary: 'web 0/0' }],
  [
    'all run',
    { web: 1, worker: 1 },
    [instance('web.1', up), instance('worker.1', up)],
    { done: true, summary: 'web 1/1, worker 1/1' },
  ],
  [
    'only those of the release count',
    { web: 1 },
    [instance('web.1', up, 'v1')],
    { done: false, summary: 'web 0/1' },
  ],
  [
    'processes that were not named do not count',
    { web: 0 },
    [instance('worker.1', pending)],
    { done: true, summary: 'web 0/0' },
  ],
  [
    'one too many is not done',
    { web: 1 },
    [instance('web.1', up), instance('web.2', up)],
    { done: false, summary: 'web 2/1' },
  ],
  [
    'what waits says why',
    { web: 2 },
    [instance('web.1', up), instance('web.2', pending)],
    { done: false, summary: 'web 1/2', obstacle: 'web.2 is pending: no executor' },
  ],
  [
    'what has failed says why, while its replacement is awaited',
    { web: 1 },
    [instance('web.1', { state: InstanceState.FAILED, message: 'no such image' })],
    { done: false, summary: 'web 0/1', obstacle: 'web.1 is failed: no such image' },
  ],
])('%s', (_what, factors, instances, { done, summary, obstacle }) => {
  const progress = scaleProgress(instances, 'v2', new Map(Object.entries(factors)));
  expect(progress).toMatchObject({ done, summary });
  expect(progress.obstacle?.text).toBe(obstacle);
});
