import { setMaxListeners } from 'node:events';
import { Api } from '../../api/api';
import type { CallContext, EnteredCall } from '../../api/call';
import type { Services as ApiServices } from '../../api/services';
import { PreconditionError, type GilliamError } from '../../base/errors';
import type { Logger } from '../../base/log';
import { fromStatus, toStatus } from '../../client/status';
import { ControllerManager } from '../../controllers/manager';
import { ConnectRequest, ConnectResponse } from '../../gen/gilliam/v1/session_service';
import { WatchResponse } from '../../gen/gilliam/v1/watch_service';
import type { WatchRequest } from '../../gen/gilliam/v1/watch_service';
import type { Caches } from '../../reconcile/caches';
import type { Connection } from './connection';
import type { ProcessStore } from './process-store';
import type { Sabotage } from './sabotage';
import type { SimProcess } from './sim-process';

/** The handlers that gRPC would call. */
export type Services = { readonly [Name in keyof ApiServices]: ApiServices[Name]['handlers'] };

/** The way to the store, told apart so that what controllers write can be watched. */
export interface Stores {
  readonly api: ProcessStore;
  readonly controllers: ProcessStore;
}

/** One replica of the control plane: what cmd/controlplane starts, without the sockets. */
export class ControlPlane {
  readonly services: Services;
  readonly manager: ControllerManager;
  readonly #api: Api;
  readonly #stop = new AbortController();
  #controlled = Promise.resolve();

  /** @param sabotage what is broken in it on purpose */
  constructor(
    readonly process: SimProcess,
    readonly stores: Stores,
    log: Logger,
    sabotage: Sabotage = {},
  ) {
    const { apiStore = same, controllersStore = same, services = same } = sabotage;
    const { clock, random, name: identity } = process;
    const common = { clock, random, log, identity };
    setMaxListeners(0, this.#stop.signal);
    this.#api = new Api({
      ...{ ...common, store: apiStore(stores.api), stage: 'simulated', version: '0' },
      tokens: { user: 'user-token', executor: 'executor-token' },
      connect: () => {
        throw new PreconditionError(
          'simulated control planes have no logs and terminals to ask each other for',
        );
      },
    });
    const handlers = Object.entries(this.#api.services).map(([name, service]) => [name, service.handlers]);
    this.services = services(Object.fromEntries(handlers) as Services);
    this.manager = new ControllerManager({ ...common, store: controllersStore(stores.controllers) });
  }

  get caches(): Caches {
    return this.#api.context.caches;
  }

  start(): void {
    this.#api.start();
    this.#controlled = this.manager.run(this.#stop.signal);
  }

  /** Ends as by SIGTERM: gives up its leadership and its sessions. Nothing of it is left when this resolves. */
  async stop(): Promise<void> {
    this.#stop.abort(fromStatus({ code: 14, details: 'the control plane stops' }));
    await this.#controlled;
    this.#api.stop();
    await this.#api.close();
    this.process.kill();
  }

  /** Whoever calls is gone when the signal aborts. */
  async call<T>(work: (services: Services, call: CallContext) => Promise<T>, gone: AbortSignal): Promise<T> {
    const call = this.#api.enter('somebody', (cancelled) => onAbort(gone, cancelled));
    try {
      return await work(this.services, call.context);
    } finally {
      call.leave();
    }
  }

  /** An executor has connected. */
  session(connection: Connection): Promise<void> {
    return this.#stream(connection, async (call) => {
      const responses = this.services.session.connect(requestsOf(connection), call);
      for await (const response of responses) {
        if (call.signal.aborted) break;
        connection.down.send(ConnectResponse.encode(response).finish());
      }
    });
  }

  watch(request: WatchRequest, connection: Connection): Promise<void> {
    return this.#stream(connection, async (call) => {
      for await (const response of this.services.watch.watch(request, call)) {
        if (call.signal.aborted) break;
        connection.down.send(WatchResponse.encode(response).finish(), true);
      }
    });
  }

  async #stream(connection: Connection, serve: (call: CallContext) => Promise<void>): Promise<void> {
    let call: EnteredCall | undefined;
    try {
      call = this.#api.enter('', (cancelled) => onAbort(connection.gone.signal, cancelled));
      await serve(call.context);
      call.context.signal.throwIfAborted();
      connection.end();
    } catch (thrown) {
      const error: unknown = call?.context.signal.aborted ? call.context.signal.reason : thrown;
      connection.end(asSeenByCaller(error));
    } finally {
      call?.leave();
    }
  }
}

const same = <T>(whole: T): T => whole;

function onAbort(signal: AbortSignal, listener: () => void): void {
  if (signal.aborted) listener();
  else signal.addEventListener('abort', listener, { once: true });
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
