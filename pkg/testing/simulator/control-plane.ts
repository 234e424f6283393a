import { setMaxListeners } from 'node:events';
import type { ApiContext } from '../../api/api-context';
import type { CallContext } from '../../api/call';
import { EventRecorder } from '../../api/event-recorder';
import { execHandlers } from '../../api/exec/exec';
import { TerminalBroker } from '../../api/exec/terminal-broker';
import { executorHandlers } from '../../api/executors';
import { formationHandlers } from '../../api/formations';
import { instanceHandlers } from '../../api/instances';
import { defaultLimits } from '../../api/limits';
import { LogBroker } from '../../api/logs/log-broker';
import { releaseHandlers } from '../../api/releases';
import { rolloutHandlers } from '../../api/rollouts';
import { scaleHandlers } from '../../api/scales';
import { ExecutorLinks } from '../../api/session/executor-links';
import { sessionHandlers } from '../../api/session/session';
import { StreamLimit } from '../../api/stream-limit';
import { watchable, watchHandlers } from '../../api/watch/watch';
import { WatchHub } from '../../api/watch/watch-hub';
import type { GilliamError } from '../../base/errors';
import type { Logger } from '../../base/log';
import { fromStatus, toStatus } from '../../client/status';
import { ControllerManager } from '../../controllers/manager';
import { ConnectRequest, ConnectResponse } from '../../gen/gilliam/v1/session_service';
import { WatchResponse } from '../../gen/gilliam/v1/watch_service';
import type { WatchRequest } from '../../gen/gilliam/v1/watch_service';
import { Caches } from '../../reconcile/caches';
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
} from '../../resource/objects';
import type { Connection } from './connection';
import type { ProcessStore } from './process-store';
import type { SimProcess } from './sim-process';

const cached = [
  ...[formations, releases, scales, instances, executors, sessions, routes],
  ...[rollouts, cronJobs, volumes, usages],
];

/**
 * One replica of the control plane: what cmd/controlplane starts, without the sockets. Its services are the handlers
 * that gRPC would call.
 */
export class ControlPlane {
  readonly services: Services;
  readonly manager: ControllerManager;
  readonly caches: Caches;
  readonly #stop = new AbortController();
  readonly #links: ExecutorLinks;
  readonly #hub: WatchHub;
  readonly #context: ApiContext;
  readonly #calls = new Set<AbortController>();

  /** @param controllersStore the same store, told apart so that what controllers write can be watched */
  constructor(
    readonly process: SimProcess,
    readonly store: ProcessStore,
    readonly controllersStore: ProcessStore,
    log: Logger,
  ) {
    const { clock, random, name: identity } = process;
    setMaxListeners(0, this.#stop.signal);
    const caches = new Caches({ store, kinds: cached, clock, random, log });
    const events = new EventRecorder({ store, clock, random, log });
    const limits = defaultLimits;
    const context = { store, caches, clock, random, log, events, limits, identity };
    this.#context = { ...context, stage: 'simulated', version: '0' };
    this.caches = caches;
    this.#links = new ExecutorLinks(this.#context);
    this.#hub = new WatchHub({ store, kinds: watchable, history: limits.watchHistory, clock, random, log });
    const terminals = new TerminalBroker(this.#context, this.#links);
    this.services = {
      ...servicesOf(this.#context, terminals),
      session: sessionHandlers(this.#links, new LogBroker(), terminals),
      watch: watchHandlers(this.#context, this.#hub, new StreamLimit(limits.maxStreams, 'watches')),
    };
    this.manager = new ControllerManager({ store: controllersStore, clock, random, log, identity });
  }

  start(): void {
    const { signal } = this.#stop;
    void this.caches.run(signal);
    void this.#hub.run(signal);
    void this.manager.run(signal);
  }

  /** Ends as by SIGTERM: gives up its sessions and its leadership. Nothing of it is left when this resolves. */
  async stop(): Promise<void> {
    const reason = fromStatus({ code: 14, details: 'the control plane stops' });
    this.#stop.abort(reason);
    for (const call of this.#calls) call.abort(reason);
    await Promise.all([this.#context.events.flush(), this.#links.close()]);
    await this.process.wait(500);
    this.process.kill();
  }

  /** Whoever calls is gone when the signal aborts. */
  call<T>(work: (services: Services, call: CallContext) => Promise<T>, gone: AbortSignal): Promise<T> {
    const call = this.#enter(gone);
    return work(this.services, { signal: call.signal, user: 'somebody' }).finally(() => this.#leave(call));
  }

  /** An executor has connected. */
  session(connection: Connection): Promise<void> {
    return this.#stream(connection, async (signal) => {
      const responses = this.services.session.connect(requestsOf(connection), { signal, user: '' });
      for await (const response of responses) {
        if (signal.aborted) break;
        connection.down.send(ConnectResponse.encode(response).finish());
      }
    });
  }

  watch(request: WatchRequest, connection: Connection): Promise<void> {
    return this.#stream(connection, async (signal) => {
      for await (const response of this.services.watch.watch(request, { signal, user: '' })) {
        if (signal.aborted) break;
        connection.down.send(WatchResponse.encode(response).finish(), true);
      }
    });
  }

  async #stream(connection: Connection, serve: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const call = this.#enter(connection.gone.signal);
    try {
      await serve(call.signal);
      if (call.signal.aborted) throw call.signal.reason as Error;
      connection.end();
    } catch (thrown) {
      const error: unknown = call.signal.aborted ? call.signal.reason : thrown;
      connection.end(asSeenByCaller(error));
    } finally {
      this.#leave(call);
    }
  }

  #enter(gone: AbortSignal): AbortController {
    const call = new AbortController();
    setMaxListeners(0, call.signal);
    this.#calls.add(call);
    gone.addEventListener('abort', () => call.abort(gone.reason), { once: true });
    return call;
  }

  #leave(call: AbortController): void {
    this.#calls.delete(call);
    call.abort();
  }
}

type Services = ReturnType<typeof servicesOf> & {
  readonly session: ReturnType<typeof sessionHandlers>;
  readonly watch: ReturnType<typeof watchHandlers>;
};

function servicesOf(context: ApiContext, terminals: TerminalBroker) {
  return {
    formations: formationHandlers(context),
    releases: releaseHandlers(context),
    scales: scaleHandlers(context),
    instances: instanceHandlers(context),
    executors: executorHandlers(context),
    rollouts: rolloutHandlers(context),
    exec: execHandlers(context, terminals),
  };
}

/** The error as it is on the other side of gRPC. */
export function asSeenByCaller(error: unknown): GilliamError {
  return fromStatus(toStatus(error));
}

/** What the executor sends, for as long as it is there. */
function requestsOf({ up }: Connection): AsyncIterable<ConnectRequest> {
  const next = async (): Promise<IteratorResult<ConnectRequest>> => {
    const bytes = await up.next();
    return bytes ? { done: false, value: ConnectRequest.decode(bytes) } : { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}
