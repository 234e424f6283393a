import { type Executor, ExecutorState } from '../../../pkg/gen/gilliam/v1/executor';
import { ENGINE_SILENT } from '../../../pkg/resource/executor-reason';
import { formatBytes, formatCpu } from '../../../pkg/resource/quantity';
import type { Colors } from './instance-line';

export const executorHeading = [
  'NAME',
  'HOST',
  'STATE',
  'INSTANCES',
  'PROCESSORS',
  'MEMORY',
  'DOMAIN',
  'TAGS',
  'VERSION',
];

/** One row of `gilliam executors`. */
export function executorCells(
  { metadata, spec, status }: Executor,
  options: { readonly instances: number; readonly colors: Colors },
): string[] {
  const tags = Object.entries(status?.tags ?? {})
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  const use = spec?.draining ? ',draining' : spec?.cordoned ? ',cordoned' : '';
  return [
    metadata?.name ?? '',
    status?.host || '-',
    colorState(status, options.colors) + (use && options.colors.yellow(use)),
    String(options.instances),
    status?.capacity ? formatCpu(status.capacity.cpuMillis) : '-',
    status?.capacity ? formatBytes(status.capacity.memoryBytes) : '-',
    status?.domain || '-',
    tags || '-',
    status?.version || '-',
  ];
}

function colorState(status: Executor['status'], colors: Colors): string {
  if (status?.reason === ENGINE_SILENT) return colors.red('without-engine');
  const state = status?.state ?? ExecutorState.UNSPECIFIED;
  const text = state.replace('EXECUTOR_STATE_', '').toLowerCase();
  if (state === ExecutorState.READY) return colors.green(text);
  return state === ExecutorState.LOST ? colors.red(text) : colors.yellow(text);
}
