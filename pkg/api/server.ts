import { setMaxListeners } from 'node:events';
import { isIP } from 'node:net';
import { Server, ServerCredentials, type Metadata } from '@grpc/grpc-js';
import { deadline, sleep, type Clock } from '../base/clock';
import {
  CancelledError,
  InternalError,
  PreconditionError,
  UnavailableError,
  messageOf,
} from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { Builder, ImageArchive } from '../builder/types';
import { connect } from '../client/client';
import type { Method } from '../client/types';
import { ApplyServiceService } from '../gen/gilliam/v1/apply_service';
import { BuildServiceService } from '../gen/gilliam/v1/build_service';
import { BundleServiceService } from '../gen/gilliam/v1/bundle_service';
import { CronServiceService } from '../gen/gilliam/v1/cron_service';
import { EventServiceService } from '../gen/gilliam/v1/event_service';
import { ExecServiceService } from '../gen/gilliam/v1/exec_service';
import { ExecutorServiceService } from '../gen/gilliam/v1/executor_service';
import { FormationServiceService } from '../gen/gilliam/v1/formation_service';
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
import { followUsage } from '../metrics/follow-usage';
import { Caches } from '../reconcile/caches';
import {
  cronJobs,
  executors,
  formations,
  instances,
  releases,
  rollouts,
  routes,
  scales,
  sessions,
  usages,
  volumes,
} from '../resource/objects';
import type { Store } from '../store/store';
import type { ApiContext } from './api-context';
import { applyHandlers } from './apply/apply';
import { Authenticator, type Audience, type Tokens } from './authenticator';
import { buildHandlers } from './build';
import { bundleHandlers } from './bundles';
import { implement, type CallContext, type EnteredCall, type Gate, type Handlers } from './call';
import { cronHandlers } from './cron';
import { EventRecorder } from './event-recorder';
import { eventHandlers } from './events';
import { execHandlers } from './exec/exec';
import { TerminalBroker } from './exec/terminal-broker';
import { executorHandlers } from './executors';
import { formationHandlers } from './formations';
import { HealthService, healthHandlers } from './health';
import { instanceHandlers } from './instances';
import { defaultLimits, type Limits } from './limits';
import { LogBroker } from './logs/log-broker';
import { logHandlers } from './logs/logs';
import { metricsHandlers } from './metrics';
import { reflectionHandlers, reflectionServices } from './reflection';
import { registryHandlers } from './registry-service';
import { releaseHandlers } from './releases';
import { ExecutorTerminals } from './replicas/executor-terminals';
import { replicaHandlers } from './replicas/replica-service';
import { replicaToken } from './replicas/replica-token';
import { Replicas } from './replicas/replicas';
import { stageLogs } from './replicas/stage-logs';
import { rolloutHandlers } from './rollouts';
import { routerHandlers } from './router-service';
import { routeHandlers } from './routes';
import { scaleHandlers } from './scales';
import { ExecutorLinks } from './session/executor-links';
import { sessionHandlers } from './session/session';
import { stageHandlers } from './stage';
import { StreamLimit } from './stream-limit';
import { volumeHandlers } from './volumes';
import { watchable, watchHandlers } from './watch/watch';
import { WatchHub } from './watch/watch-hub';

export interface ApiServerOptions {
  readonly store: Store;
  /** Without one no images are built here. */
  readonly builder?: Builder;
  /** Without one no images are given away or taken in here. */
  readonly images?: ImageArchive;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The stage's name. */
  readonly stage: string;
  readonly version: string;
  /** Which control plane this is, for people. */
  readonly identity: string;
  readonly tokens: Tokens;
  readonly options?: Partial<Limits> & {
    /** A FileDescriptorSet of proto/, for reflection; without one there is none. */
    readonly descriptorSet?: Uint8Array;
  };
}

export interface ListenOptions {
  /** An address of this machine. Default 127.0.0.1; others ask for TLS. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** In PEM. */
  readonly tls?: {
    readonly key: string;
    readonly certificate: string;
    /** By which the certificates of the other control planes are checked. Default `certificate`. */
    readonly ca?: string;
  };
  /** `host:port` at which the other control planes reach this one. Default where it listens, unless that is everywhere. */
  readonly advertise?: string;
}

// How long calls that were told to end may take to do so.
const closeGraceMs = 500;

/** The API of a stage over gRPC: all services, health and reflection. */
export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #context: ApiContext;
  readonly #server: Server;
  readonly #hub: WatchHub;
  readonly #links: ExecutorLinks;
  readonly #replicas: Replicas;
  readonly #usage: ReturnType<typeof followUsage>;
  readonly #stopping = new AbortController();
  readonly #calls = new Set<AbortController>();
  readonly #background: Promise<void>[] = [];
  readonly #services = new Set<string>();

  constructor(options: ApiServerOptions) {
    this.#options = options;
    const { store, clock, random } = options;
    const log = options.log.child({ part: 'api' });
    const limits = { ...defaultLimits, ...options.options };
    const kinds = [
      ...[formations, releases, scales, instances, executors, sessions, routes],
      ...[rollouts, cronJobs, volumes, usages],
    ];
    const caches = new Caches({ store, kinds, clock, random, log });
    const events = new EventRecorder({ store, clock, random, log });
    this.#context = { ...options, log, limits, caches, events };
    this.#replicas = new Replicas({
      token: replicaToken(options.tokens),
      stage: options.stage,
      connect: (to) => connect({ ...to, clock }),
    });
    this.#hub = new WatchHub({ store, kinds: watchable, history: limits.watchHistory, clock, random, log });
    this.#links = new ExecutorLinks(this.#context, () => this.#replicas.address);
    this.#usage = followUsage(caches.of(usages), clock);
    this.#server = new Server({
      'grpc.max_receive_message_length': limits.maxMessageBytes,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': limits.keepaliveMs,
      'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    });
    this.#addServices(new Authenticator(options.tokens));
  }

  /** Begins to answer. Throws PreconditionError for an address that it may not or cannot listen at. */
  async listen({ host = '127.0.0.1', port, tls, advertise }: ListenOptions): Promise<{ port: number }> {
    if (!tls && !isLoopback(host)) {
      throw new PreconditionError(
        `the API does not listen at ${host} without TLS, as its token could be read on the way: give a certificate, or listen at 127.0.0.1`,
      );
    }
    const { signal } = this.#stopping;
    this.#background.push(this.#context.caches.run(signal), this.#hub.run(signal));
    const credentials = tls
      ? ServerCredentials.createSsl(null, [
          { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.certificate) },
        ])
      : ServerCredentials.createInsecure();
    const hostPart = isIP(host) === 6 ? `[${host}]` : host;
    const address = `${hostPart}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (error, bound) => {
        if (!error) {
          const own = isEverywhere(host) ? '' : `${hostPart}:${bound}`;
          this.#replicas.begin({ address: advertise ?? own, ca: tls && (tls.ca ?? tls.certificate) });
          return resolve({ port: bound });
        }
        const why = messageOf(error);
        reject(
          new PreconditionError(`the API cannot listen at ${address} (${why}): is another process there?`, {
            cause: error,
          }),
        );
      });
    });
  }

  /** Ends all calls, gives sessions up, and resolves when nothing is left. */
  async close(): Promise<void> {
    const reason = new UnavailableError('the control plane stops: try again in a moment');
    this.#stopping.abort(reason);
    for (const call of this.#calls) call.abort(reason);
    const ended = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    const grace = deadline(this.#context.clock, closeGraceMs);
    const late = new Promise<void>((resolve) => {
      grace.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([ended, late]);
    grace.dispose();
    this.#server.forceShutdown();
    this.#usage.dispose();
    // Together: each may wait for a store that does not answer.
    await Promise.all([this.#context.events.flush(), this.#links.close(), ...this.#background]);
    this.#replicas.close();
  }

  #addServices(authenticator: Authenticator): void {
    const context = this.#context;
    const broker = new LogBroker();
    const terminals = new TerminalBroker(context, this.#links);
    const links = this.#links;
    const parts = { context, links, replicas: this.#replicas };
    const streams = new StreamLimit(context.limits.maxStreams, 'watches and log streams');
    const gateOf = (audience: Audience): Gate => this.#gate(authenticator, audience);
    const add = <S extends Record<string, Method>>(definition: S, handlers: Handlers<S>, gate: Gate) => {
      const path = Object.values(definition)[0]?.path ?? '';
      this.#services.add(path.split('/')[1] ?? '');
      this.#server.addService(definition as never, implement(definition, handlers, gate));
    };
    const user = gateOf('user');
    add(FormationServiceService, formationHandlers(context), user);
    add(ReleaseServiceService, releaseHandlers(context), user);
    add(ScaleServiceService, scaleHandlers(context), user);
    add(InstanceServiceService, instanceHandlers(context), user);
    add(ExecutorServiceService, executorHandlers(context), user);
    add(EventServiceService, eventHandlers(context), user);
    add(ExecServiceService, execHandlers(context, new ExecutorTerminals(parts, terminals)), user);
    add(RolloutServiceService, rolloutHandlers(context), user);
    add(CronServiceService, cronHandlers(context), user);
    add(WatchServiceService, watchHandlers(context, this.#hub, streams), user);
    add(LogServiceService, logHandlers({ context, read: stageLogs({ ...parts, broker }), streams }), user);
    add(ApplyServiceService, applyHandlers(context), user);
    add(BuildServiceService, buildHandlers(context), user);
    add(BundleServiceService, bundleHandlers(context), user);
    add(RouteServiceService, routeHandlers(context), user);
    add(RegistryServiceService, registryHandlers(context, this.#options.tokens), user);
    add(MetricsServiceService, metricsHandlers(context, this.#usage.history), user);
    add(VolumeServiceService, volumeHandlers(context), user);
    add(StageServiceService, stageHandlers(context), user);
    add(SessionServiceService, sessionHandlers(this.#links, broker, terminals), gateOf('executor'));
    add(RouterServiceService, routerHandlers(context), gateOf('executor'));
    const replica = replicaHandlers({ context, links, logs: broker, terminals });
    add(ReplicaServiceService, replica, gateOf('replica'));
    add(HealthService, healthHandlers(this.#health()), gateOf('anybody'));
    const { descriptorSet } = this.#options.options ?? {};
    if (!descriptorSet) return;
    const reflection = reflectionHandlers(descriptorSet);
    for (const service of reflectionServices) add(service, reflection, gateOf('either'));
  }

  #health() {
    const { store, clock } = this.#context;
    return {
      services: this.#services,
      isServing: (signal: AbortSignal) =>
        store.list(formations, { limit: 1 }, signal).then(
          () => true,
          () => false,
        ),
      pause: (signal: AbortSignal) => sleep(clock, 1_000, signal),
    };
  }

  #gate(authenticator: Authenticator, audience: Audience): Gate {
    return {
      enter: (metadata, _method, onCancelled): EnteredCall => {
        if (this.#stopping.signal.aborted) throw this.#stopping.signal.reason;
        authenticator.check(metadata, audience);
        const call = new AbortController();
        // A stream of logs listens once for each instance.
        setMaxListeners(0, call.signal);
        this.#calls.add(call);
        const end = () => call.abort(new CancelledError('the caller is gone'));
        onCancelled(end);
        const context: CallContext = { signal: call.signal, user: userOf(metadata) };
        return {
          context,
          leave: () => {
            this.#calls.delete(call);
            end();
          },
        };
      },
      failed: (method, error) => this.#logFailure(method, error),
    };
  }

  #logFailure({ path }: Method, error: unknown): void {
    const { log } = this.#context;
    const fields = { path, error: messageOf(error) };
    if (error instanceof CancelledError) return;
    if (error instanceof InternalError || !(error instanceof Error) || !('code' in error)) {
      log.error('call failed', { ...fields, stack: error instanceof Error ? error.stack : undefined });
    } else {
      log.debug('call refused', fields);
    }
  }
}

/** Who calls, as the caller says: shown to people, so without anything that steers a terminal. */
function userOf(metadata: Metadata): string {
  const [value] = metadata.get('gilliam-user');
  try {
    const user = decodeURIComponent(String(value ?? ''));
    return /^[\p{L}\p{N}\p{P}\p{S} ]{0,128}$/u.test(user) ? user : '';
  } catch {
    return '';
  }
}

function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
