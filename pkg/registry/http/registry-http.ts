import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../base/clock';
import { messageOf, PreconditionError } from '../../base/errors';
import type { Logger } from '../../base/log';
import type { Random } from '../../base/random';
import type { RemoteFollowers } from '../remote-followers';
import { UnknownNameError } from '../resolution';
import type { RegistryLimits, RegistryTimes } from '../settings';
import { answerJson, HttpError, isGilliamError, statusOfError } from './answers';
import { Callers } from './caller';
import { limitConnections } from './connections-of-one';
import type { EntryNode } from './entry-routes';
import { EntryRoutes } from './entry-routes';
import type { InternalNode } from './internal-routes';
import { InternalRoutes } from './internal-routes';

export interface RegistryHttpOptions {
  readonly node: EntryNode & InternalNode;
  readonly remotes: RemoteFollowers;
  readonly token: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly times: RegistryTimes;
  readonly limits: RegistryLimits;
}

const noQuery = new URLSearchParams();

/** A node's HTTP server: one handler at all its addresses. */
export class RegistryHttp {
  readonly #log: Logger;
  readonly #limits: RegistryLimits;
  readonly #servers: Server[] = [];
  readonly #callers: Callers;
  readonly #entries: EntryRoutes;
  readonly #internal: InternalRoutes;

  constructor(options: RegistryHttpOptions) {
    const { node, clock, times, limits, random } = options;
    this.#log = options.log;
    this.#limits = limits;
    this.#callers = new Callers(options.token);
    this.#entries = new EntryRoutes({ node, clock, times, limits, epoch: random.uuid().slice(0, 8) });
    this.#internal = new InternalRoutes(options);
  }

  async listen(at: readonly { readonly host: string; readonly port: number }[]): Promise<readonly number[]> {
    const ports: number[] = [];
    for (const { host, port } of at) {
      const server = createServer(
        // A peer speaks to us every few seconds at least while it is there.
        { keepAliveTimeout: 65_000, headersTimeout: 10_000, requestTimeout: 30_000, noDelay: true },
        (request, response) => void this.#handle(request, response),
      );
      limitConnections(server, this.#limits.connectionsPerCaller);
      await new Promise<void>((resolve, reject) => {
        server.once('error', (error) =>
          reject(
            new PreconditionError(`the registry cannot listen at ${host}:${port}: ${messageOf(error)}`, {
              cause: error,
            }),
          ),
        );
        server.listen(port, host, resolve);
      });
      this.#servers.push(server);
      ports.push((server.address() as AddressInfo).port);
    }
    return ports;
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    try {
      const url = request.url ?? '/';
      const mark = url.indexOf('?');
      const target = {
        path: mark < 0 ? url : url.slice(0, mark),
        query: mark < 0 ? noQuery : new URLSearchParams(url.slice(mark + 1)),
      };
      const callerOf = () => this.#callers.callerOf(request);
      const routes = target.path.startsWith('/-/') ? this.#internal : this.#entries;
      await routes.handle(request, response, target, callerOf);
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (!isGilliamError(error) && !(error instanceof HttpError)) {
      this.#log.error('the registry has failed to answer', { error: messageOf(error) });
    }
    if (response.headersSent) return void response.destroy();
    const near = error instanceof UnknownNameError ? { nearest: error.nearest } : {};
    const headers: Record<string, string> = { ...(error instanceof HttpError ? error.headers : {}) };
    // A body that nobody has read would be taken for the next request.
    if (!request.complete) headers.connection = 'close';
    answerJson(response, statusOfError(error), { error: messageOf(error), ...near }, { headers });
  }
}
