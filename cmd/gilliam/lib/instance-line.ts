import type { createColors } from 'picocolors';
import { InstanceSpec_Desired, InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import type { Instance } from '../../../pkg/gen/gilliam/v1/instance';
import { age } from './age';
import { compareProcesses } from './factors';

export type Colors = ReturnType<typeof createColors>;

export interface LineOptions {
  readonly nowMs: number;
  readonly colors: Colors;
  /** Put the formation before the name: `shop/web.1`. */
  readonly withFormation?: boolean;
}

/**
 * One line about an instance, the same for people and programs:
 * `web.1 v2 state running (just now) on host H port 10000, 3 restarts, exit 1: reason`.
 */
export function instanceLine(instance: Instance, options: LineOptions): string {
  const { status } = instance;
  const state = shownState(instance);
  const ports = (status?.ports ?? []).map((port) => port.hostPort).join(',');
  const restarts = status?.restarts ?? 0;
  const why = state !== 'running' && status?.message ? `: ${status.message}` : '';
  // A message about an exit begins with it.
  const exit = status?.exitCode === undefined ? '' : `exit ${status.exitCode}`;
  const place = [
    status?.host ? ` on host ${status.host}` : '',
    ports ? ` port ${ports}` : '',
    restarts > 0 ? `, ${restarts} restart${restarts === 1 ? '' : 's'}` : '',
    restarts > 0 && exit && !why.startsWith(`: ${exit}`) ? `, ${exit}` : '',
  ].join('');
  const since = status?.changed ?? instance.metadata?.created;
  return `${instanceTitle(instance, options)} state ${colorState(state, options.colors)} (${age(since, options.nowMs)})${place}${why}`;
}

/** `web.1 v2` */
export function instanceTitle(instance: Instance, options: Pick<LineOptions, 'withFormation'> = {}): string {
  const formation = options.withFormation ? `${instance.metadata?.formation}/` : '';
  return `${formation}${shortName(instance)} ${instance.spec?.release}`;
}

/** `web.1` */
export function shortName(instance: Instance): string {
  return `${instance.spec?.process}.${instance.spec?.ordinal}`;
}

/** The state as people see it: one that runs and is not ready is `restarting` or `unhealthy`. */
export function shownState(instance: Instance): string {
  const { status, spec } = instance;
  const state = status?.state ?? InstanceState.UNSPECIFIED;
  if (state === InstanceState.RUNNING) {
    if (spec?.desired === InstanceSpec_Desired.STOPPED) return 'stopping';
    if (status?.ready) return 'running';
    return status?.reason === 'Restarting' ? 'restarting' : 'unhealthy';
  }
  return state.replace('INSTANCE_STATE_', '').toLowerCase();
}

function colorState(state: string, colors: Colors): string {
  switch (state) {
    case 'running':
      return colors.green(state);
    case 'restarting':
    case 'unhealthy':
    case 'failed':
    case 'lost':
      return colors.red(state);
    case 'stopping':
    case 'stopped':
      return colors.dim(state);
    default:
      return colors.yellow(state);
  }
}

/** By formation, process and ordinal; of one ordinal, the oldest first. */
export function compareInstances(left: Instance, right: Instance): number {
  const [a, b] = [left.metadata?.formation ?? '', right.metadata?.formation ?? ''];
  if (a !== b) return a < b ? -1 : 1;
  return (
    compareProcesses(left.spec?.process ?? '', right.spec?.process ?? '') ||
    (left.spec?.ordinal ?? 0) - (right.spec?.ordinal ?? 0) ||
    (left.spec?.incarnation ?? 0) - (right.spec?.incarnation ?? 0)
  );
}
