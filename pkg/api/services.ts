import type { Method } from '../client/types';
import { ApplyServiceService } from '../gen/gilliam/v1/apply_service';
import { BuildServiceService } from '../gen/gilliam/v1/build_service';
import { BundleServiceService } from '../gen/gilliam/v1/bundle_service';
import { CronServiceService } from '../gen/gilliam/v1/cron_service';
import { EventServiceService } from '../gen/gilliam/v1/event_service';
import { ExecServiceService } from '../gen/gilliam/v1/exec_service';
import { ExecutorServiceService } from '../gen/gilliam/v1/executor_service';
import { FormationServiceService } from '../gen/gilliam/v1/formation_service';
import { ImageServiceService } from '../gen/gilliam/v1/image_service';
import { InstanceServiceService } from '../gen/gilliam/v1/instance_service';
import { LogServiceService } from '../gen/gilliam/v1/log_service';
import { MetricsServiceService } from '../gen/gilliam/v1/metrics_service';
import { RegistryServiceService } from '../gen/gilliam/v1/registry_service';
import { ReleaseServiceService } from '../gen/gilliam/v1/release_service';
import { ReplicaServiceService } from '../gen/gilliam/v1/replica_service';
import { RolloutServiceService } from '../gen/gilliam/v1/rollout_service';
import { RouteServiceService } from '../gen/gilliam/v1/route_service';
import { RouterServiceService } from '../gen/gilliam/v1/router_service';
import { ScaleServiceService } from '../gen/gilliam/v1/scale_service';
import { SessionServiceService } from '../gen/gilliam/v1/session_service';
import { StageServiceService } from '../gen/gilliam/v1/stage_service';
import { VolumeServiceService } from '../gen/gilliam/v1/volume_service';
import { WatchServiceService } from '../gen/gilliam/v1/watch_service';
import type { UsageHistory } from '../metrics/service-metrics';
import type { ApiContext } from './api-context';
import { applyHandlers } from './apply/apply';
import type { Audience, Tokens } from './authenticator';
import { buildHandlers } from './build';
import { bundleHandlers } from './bundles';
import type { Handlers } from './call';
import { cronHandlers } from './cron';
import { eventHandlers } from './events';
import { execHandlers } from './exec/exec';
import { TerminalBroker } from './exec/terminal-broker';
import { executorHandlers } from './executors';
import { formationHandlers } from './formations';
import { imageHandlers } from './images';
import { instanceHandlers } from './instances';
import { LogBroker } from './logs/log-broker';
import { logHandlers } from './logs/logs';
import { metricsHandlers } from './metrics';
import { registryHandlers } from './registry-service';
import { releaseHandlers } from './releases';
import { ExecutorTerminals } from './replicas/executor-terminals';
import { replicaHandlers } from './replicas/replica-service';
import type { Replicas } from './replicas/replicas';
import { stageLogs } from './replicas/stage-logs';
import { rolloutHandlers } from './rollouts';
import { routerHandlers } from './router-service';
import { routeHandlers } from './routes';
import { scaleHandlers } from './scales';
import type { ExecutorLinks } from './session/executor-links';
import { sessionHandlers } from './session/session';
import { stageHandlers } from './stage';
import { StreamLimit } from './stream-limit';
import { volumeHandlers } from './volumes';
import { watchHandlers } from './watch/watch';
import type { WatchHub } from './watch/watch-hub';

/** One service: what it promises, what keeps the promise, and who may call it. */
export interface Service<S> {
  readonly definition: S;
  readonly handlers: Handlers<S>;
  readonly audience: Audience;
}

export interface ServiceParts {
  readonly context: ApiContext;
  readonly tokens: Tokens;
  readonly hub: WatchHub;
  readonly links: ExecutorLinks;
  readonly replicas: Replicas;
  readonly usage: Pick<UsageHistory, 'metrics'>;
}

/** All services of a stage, by what they are about. */
export type Services = ReturnType<typeof servicesOf>;

export function servicesOf({ context, tokens, hub, links, replicas, usage }: ServiceParts) {
  const logs = new LogBroker();
  const terminals = new TerminalBroker(context, links);
  const parts = { context, links, replicas };
  const streams = new StreamLimit(context.limits.maxStreams, 'watches and log streams');
  const read = stageLogs({ ...parts, broker: logs });
  const exec = new ExecutorTerminals(parts, terminals);
  return {
    formations: service(FormationServiceService, formationHandlers(context)),
    releases: service(ReleaseServiceService, releaseHandlers(context)),
    scales: service(ScaleServiceService, scaleHandlers(context)),
    instances: service(InstanceServiceService, instanceHandlers(context)),
    executors: service(ExecutorServiceService, executorHandlers(context)),
    events: service(EventServiceService, eventHandlers(context)),
    exec: service(ExecServiceService, execHandlers(context, exec)),
    rollouts: service(RolloutServiceService, rolloutHandlers(context)),
    cron: service(CronServiceService, cronHandlers(context)),
    watch: service(WatchServiceService, watchHandlers(context, hub, streams)),
    logs: service(LogServiceService, logHandlers({ context, read, streams })),
    apply: service(ApplyServiceService, applyHandlers(context)),
    build: service(BuildServiceService, buildHandlers(context)),
    bundles: service(BundleServiceService, bundleHandlers(context)),
    routes: service(RouteServiceService, routeHandlers(context)),
    registry: service(RegistryServiceService, registryHandlers(context, tokens)),
    metrics: service(MetricsServiceService, metricsHandlers(context, usage)),
    volumes: service(VolumeServiceService, volumeHandlers(context)),
    stage: service(StageServiceService, stageHandlers(context), 'either'),
    session: service(SessionServiceService, sessionHandlers(links, logs, terminals), 'executor'),
    router: service(RouterServiceService, routerHandlers(context), 'executor'),
    stageImages: service(ImageServiceService, imageHandlers(context), 'executor'),
    replica: service(ReplicaServiceService, replicaHandlers({ context, links, logs, terminals }), 'replica'),
  };
}

function service<S extends Record<string, Method>>(
  definition: S,
  handlers: Handlers<S>,
  audience: Audience = 'user',
): Service<S> {
  return { definition, handlers, audience };
}
