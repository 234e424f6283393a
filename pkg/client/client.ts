import type { ApplyServiceService } from '../gen/gilliam/v1/apply_service';
import type { BuildServiceService } from '../gen/gilliam/v1/build_service';
import type { BundleServiceService } from '../gen/gilliam/v1/bundle_service';
import type { CronServiceService } from '../gen/gilliam/v1/cron_service';
import type { EventServiceService } from '../gen/gilliam/v1/event_service';
import type { ExecServiceService } from '../gen/gilliam/v1/exec_service';
import type { ExecutorServiceService } from '../gen/gilliam/v1/executor_service';
import type { FormationServiceService } from '../gen/gilliam/v1/formation_service';
import type { ImageServiceService } from '../gen/gilliam/v1/image_service';
import type { InstanceServiceService } from '../gen/gilliam/v1/instance_service';
import type { LogServiceService } from '../gen/gilliam/v1/log_service';
import type { MetricsServiceService } from '../gen/gilliam/v1/metrics_service';
import type { RegistryServiceService } from '../gen/gilliam/v1/registry_service';
import type { ReleaseServiceService } from '../gen/gilliam/v1/release_service';
import type { ReplicaServiceService } from '../gen/gilliam/v1/replica_service';
import type { RolloutServiceService } from '../gen/gilliam/v1/rollout_service';
import type { RouteServiceService } from '../gen/gilliam/v1/route_service';
import type { RouterServiceService } from '../gen/gilliam/v1/router_service';
import type { ScaleServiceService } from '../gen/gilliam/v1/scale_service';
import type { SessionServiceService } from '../gen/gilliam/v1/session_service';
import type { StageServiceService } from '../gen/gilliam/v1/stage_service';
import type { VolumeServiceService } from '../gen/gilliam/v1/volume_service';
import type { WatchServiceService } from '../gen/gilliam/v1/watch_service';
import { Channel, type ChannelOptions } from './channel';
import type { Method, ServiceClient } from './types';

export type { CallOptions, ServiceClient } from './types';

/** The typed client of a stage's API. Close it, or the process does not end. */
export interface Client {
  readonly formations: ServiceClient<FormationServiceService>;
  readonly releases: ServiceClient<ReleaseServiceService>;
  readonly scales: ServiceClient<ScaleServiceService>;
  readonly instances: ServiceClient<InstanceServiceService>;
  readonly executors: ServiceClient<ExecutorServiceService>;
  readonly events: ServiceClient<EventServiceService>;
  readonly watch: ServiceClient<WatchServiceService>;
  readonly logs: ServiceClient<LogServiceService>;
  readonly build: ServiceClient<BuildServiceService>;
  readonly session: ServiceClient<SessionServiceService>;
  readonly routes: ServiceClient<RouteServiceService>;
  readonly registry: ServiceClient<RegistryServiceService>;
  readonly router: ServiceClient<RouterServiceService>;
  readonly stage: ServiceClient<StageServiceService>;
  readonly apply: ServiceClient<ApplyServiceService>;
  readonly rollouts: ServiceClient<RolloutServiceService>;
  readonly exec: ServiceClient<ExecServiceService>;
  readonly cron: ServiceClient<CronServiceService>;
  readonly volumes: ServiceClient<VolumeServiceService>;
  readonly metrics: ServiceClient<MetricsServiceService>;
  readonly bundles: ServiceClient<BundleServiceService>;
  /** For executors. */
  readonly images: ServiceClient<ImageServiceService>;
  /** For control planes among themselves. */
  readonly replicas: ServiceClient<ReplicaServiceService>;
  close(): void;
}

export type ConnectOptions = ChannelOptions;

/** Makes a client. It connects with the first call; a control plane that is not there fails that call at once. */
export function connect(options: ConnectOptions): Client {
  return new GrpcClient(options);
}

/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports --
   Each service is loaded when it is first used: a command uses one or two, and loading all costs it 10 ms. */
const modules = {
  formations: () =>
    require('../gen/gilliam/v1/formation_service') as typeof import('../gen/gilliam/v1/formation_service'),
  releases: () =>
    require('../gen/gilliam/v1/release_service') as typeof import('../gen/gilliam/v1/release_service'),
  scales: () =>
    require('../gen/gilliam/v1/scale_service') as typeof import('../gen/gilliam/v1/scale_service'),
  instances: () =>
    require('../gen/gilliam/v1/instance_service') as typeof import('../gen/gilliam/v1/instance_service'),
  executors: () =>
    require('../gen/gilliam/v1/executor_service') as typeof import('../gen/gilliam/v1/executor_service'),
  events: () =>
    require('../gen/gilliam/v1/event_service') as typeof import('../gen/gilliam/v1/event_service'),
  watch: () => require('../gen/gilliam/v1/watch_service') as typeof import('../gen/gilliam/v1/watch_service'),
  logs: () => require('../gen/gilliam/v1/log_service') as typeof import('../gen/gilliam/v1/log_service'),
  build: () => require('../gen/gilliam/v1/build_service') as typeof import('../gen/gilliam/v1/build_service'),
  session: () =>
    require('../gen/gilliam/v1/session_service') as typeof import('../gen/gilliam/v1/session_service'),
  routes: () =>
    require('../gen/gilliam/v1/route_service') as typeof import('../gen/gilliam/v1/route_service'),
  registry: () =>
    require('../gen/gilliam/v1/registry_service') as typeof import('../gen/gilliam/v1/registry_service'),
  router: () =>
    require('../gen/gilliam/v1/router_service') as typeof import('../gen/gilliam/v1/router_service'),
  apply: () => require('../gen/gilliam/v1/apply_service') as typeof import('../gen/gilliam/v1/apply_service'),
  rollouts: () =>
    require('../gen/gilliam/v1/rollout_service') as typeof import('../gen/gilliam/v1/rollout_service'),
  exec: () => require('../gen/gilliam/v1/exec_service') as typeof import('../gen/gilliam/v1/exec_service'),
  cron: () => require('../gen/gilliam/v1/cron_service') as typeof import('../gen/gilliam/v1/cron_service'),
  volumes: () =>
    require('../gen/gilliam/v1/volume_service') as typeof import('../gen/gilliam/v1/volume_service'),
  metrics: () =>
    require('../gen/gilliam/v1/metrics_service') as typeof import('../gen/gilliam/v1/metrics_service'),
  bundles: () =>
    require('../gen/gilliam/v1/bundle_service') as typeof import('../gen/gilliam/v1/bundle_service'),
  images: () =>
    require('../gen/gilliam/v1/image_service') as typeof import('../gen/gilliam/v1/image_service'),
  replicas: () =>
    require('../gen/gilliam/v1/replica_service') as typeof import('../gen/gilliam/v1/replica_service'),
  stage: () => require('../gen/gilliam/v1/stage_service') as typeof import('../gen/gilliam/v1/stage_service'),
};
/* eslint-enable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports */

class GrpcClient implements Client {
  readonly #channel: Channel;
  readonly #made = new Map<string, unknown>();

  constructor(options: ConnectOptions) {
    this.#channel = new Channel(options);
  }

  get formations() {
    return this.#service('formations', (m) => m.FormationServiceService);
  }
  get releases() {
    return this.#service('releases', (m) => m.ReleaseServiceService);
  }
  get scales() {
    return this.#service('scales', (m) => m.ScaleServiceService);
  }
  get instances() {
    return this.#service('instances', (m) => m.InstanceServiceService);
  }
  get executors() {
    return this.#service('executors', (m) => m.ExecutorServiceService);
  }
  get events() {
    return this.#service('events', (m) => m.EventServiceService);
  }
  get watch() {
    return this.#service('watch', (m) => m.WatchServiceService);
  }
  get logs() {
    return this.#service('logs', (m) => m.LogServiceService);
  }
  get build() {
    return this.#service('build', (m) => m.BuildServiceService);
  }
  get session() {
    return this.#service('session', (m) => m.SessionServiceService);
  }
  get routes() {
    return this.#service('routes', (m) => m.RouteServiceService);
  }
  get registry() {
    return this.#service('registry', (m) => m.RegistryServiceService);
  }
  get router() {
    return this.#service('router', (m) => m.RouterServiceService);
  }
  get stage() {
    return this.#service('stage', (m) => m.StageServiceService);
  }

  get apply() {
    return this.#service('apply', (m) => m.ApplyServiceService);
  }
  get rollouts() {
    return this.#service('rollouts', (m) => m.RolloutServiceService);
  }
  get exec() {
    return this.#service('exec', (m) => m.ExecServiceService);
  }
  get cron() {
    return this.#service('cron', (m) => m.CronServiceService);
  }
  get volumes() {
    return this.#service('volumes', (m) => m.VolumeServiceService);
  }
  get metrics() {
    return this.#service('metrics', (m) => m.MetricsServiceService);
  }
  get bundles() {
    return this.#service('bundles', (m) => m.BundleServiceService);
  }
  get images() {
    return this.#service('images', (m) => m.ImageServiceService);
  }
  get replicas() {
    return this.#service('replicas', (m) => m.ReplicaServiceService);
  }

  close(): void {
    this.#channel.close();
  }

  #service<K extends keyof typeof modules, S extends Record<string, Method>>(
    name: K,
    definition: (module: ReturnType<(typeof modules)[K]>) => S,
  ): ServiceClient<S> {
    let made = this.#made.get(name) as ServiceClient<S> | undefined;
    if (!made) {
      const module = modules[name]() as ReturnType<(typeof modules)[K]>;
      made = makeService(this.#channel, module, definition(module));
      this.#made.set(name, made);
    }
    return made;
  }
}

interface RequestType {
  fromPartial(partial: unknown): unknown;
}

function makeService<S extends Record<string, Method>>(channel: Channel, module: object, definition: S) {
  const calls = Object.entries(definition).map(([name, method]) => {
    // buf's lint makes every method's request `<Method>Request`.
    const type = `${name[0]?.toUpperCase()}${name.slice(1)}Request`;
    const request = (module as Record<string, RequestType>)[type] as RequestType;
    return [name, channel.call(method, (partial) => request.fromPartial(partial))];
  });
  return Object.fromEntries(calls) as ServiceClient<S>;
}
