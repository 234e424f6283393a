import type { EngineOwner } from './config';

export interface DownSurvey {
  /** Components whose process lives. */
  readonly running: ReadonlySet<string>;
  /** How many containers of the stage there are. */
  readonly containers: number;
  /** HAProxy lives, whether its router does or not. */
  readonly haproxy: boolean;
  /** The kernel has rules for the stage's virtual IPs. */
  readonly virtualIps: boolean;
  readonly engineOwner: EngineOwner;
  /** There is a stage of this name, up or not. */
  readonly known: boolean;
  readonly keepInstances: boolean;
  readonly forget: boolean;
}

export type DownStep =
  | 'supervisor'
  | 'executor'
  | 'instances'
  | 'router'
  | 'haproxy'
  | 'network'
  | 'virtual-ips'
  | 'controlplane'
  | 'image-registry'
  | 'volumes'
  | 'images'
  | 'etcd'
  | 'dockerd'
  | 'forget';

/**
 * What to stop, in this order: the supervisor first, or it would start the others again; the executor before its
 * containers, for the same reason; the engine last, and only where the stage has started it.
 */
export function planDown(survey: DownSurvey): readonly DownStep[] {
  const { running, engineOwner, keepInstances, forget } = survey;
  const instances = survey.containers > 0 && (!keepInstances || forget);
  const steps: (DownStep | false)[] = [
    running.has('supervisor') && 'supervisor',
    running.has('executor') && 'executor',
    instances && 'instances',
    running.has('router') && 'router',
    // It outlives its router, so that no connection ends with that.
    survey.haproxy && 'haproxy',
    running.has('network') && 'network',
    // Instances that are kept have connections by them.
    survey.virtualIps && (!keepInstances || forget) && 'virtual-ips',
    running.has('controlplane') && 'controlplane',
    running.has('images') && 'image-registry',
    forget && survey.known && 'volumes',
    forget && survey.known && 'images',
    running.has('etcd') && 'etcd',
    // Instances that are kept need it.
    engineOwner !== 'other' && running.has('dockerd') && (!keepInstances || forget) && 'dockerd',
    forget && 'forget',
  ];
  return steps.filter((step) => step !== false);
}
