// A router with a real HAProxy, in front of upstreams of this process, for contract tests.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, readFileSync } from 'node:fs';
import {
  createServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server as HttpServer,
} from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import type { DeepPartial } from '../gen/gilliam/v1/metadata';
import { Route as RouteMessage } from '../gen/gilliam/v1/route';
import type { Route } from '../resource/objects';
import { FakeRegistry, type EntryPath } from '../testing/fake-registry';
import { freePort } from '../testing/tcp-proxy';
import { HaproxyProcess } from './haproxy-process';
import type { OnRoutes, RouteSource } from './route-source';
import { Router, type RouterOptions } from './router';

/** Routes that a test sets. */
export class FakeRoutes implements RouteSource {
  #listener: OnRoutes | undefined;

  constructor(
    private table: readonly Route[] = [],
    private held: readonly string[] = [],
  ) {}

  async follow(onRoutes: OnRoutes): Promise<void> {
    this.#listener = onRoutes;
    onRoutes(this.table, this.held);
  }

  set(table: readonly Route[], held: readonly string[] = []): void {
    this.table = table;
    this.held = held;
    this.#listener?.(table, held);
  }
}

export function route(
  name: string,
  pattern: string,
  target: string,
  spec: DeepPartial<NonNullable<RouteMessage['spec']>> = {},
): Route {
  const message = RouteMessage.fromPartial({ spec: { ...spec, pattern, target } });
  return {
    metadata: {
      ...{ name, formation: 'shop', uid: name, generation: 1n, revision: 1n, labels: {} },
      created: new Date(0),
    },
    spec: message.spec as Route['spec'],
  };
}

/** What an upstream has seen of a request. */
export interface Seen {
  readonly upstream: string;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** Answers with what it has seen, as JSON. */
export class Upstream {
  readonly #server: HttpServer;
  requests = 0;

  private constructor(readonly name: string) {
    this.#server = createServer((incoming, response) => {
      this.requests++;
      const { method, url, headers } = incoming;
      incoming.resume();
      incoming.on('end', () => response.end(JSON.stringify({ upstream: name, method, url, headers })));
    });
    this.#server.keepAliveTimeout = 60_000;
  }

  static async start(name: string): Promise<Upstream> {
    const upstream = new Upstream(name);
    await new Promise<void>((resolve) => upstream.#server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A router of its own. `stop` it. */
export class RouterHarness {
  readonly registry = new FakeRegistry();
  readonly routes: FakeRoutes;
  readonly directory = mkdtempSync(join(tmpdir(), 'gr-'));
  haproxy: HaproxyProcess;
  httpPort = 0;
  httpsPort = 0;
  readonly #options: Partial<RouterOptions>;
  #ended = new AbortController();
  #running: Promise<void> | undefined;
  failure: unknown;

  constructor(routes: readonly Route[] = [], options: Partial<RouterOptions> = {}) {
    this.routes = new FakeRoutes(routes);
    this.#options = options;
    this.haproxy = this.#process();
  }

  #process(): HaproxyProcess {
    return new HaproxyProcess({ directory: this.directory, clock: new SystemClock(), log: silentLogger });
  }

  /** Resolves once HAProxy serves what there is; `alone`: at once, and nobody tells the router anything. */
  async start({ alone = false } = {}): Promise<void> {
    this.httpPort ||= await freePort();
    this.httpsPort ||= await freePort();
    this.#ended = new AbortController();
    this.haproxy = this.#process();
    const router = new Router({
      ...{ registry: this.registry, routes: this.routes, haproxy: this.haproxy, executor: 'one' },
      ports: { bind: '127.0.0.1', http: this.httpPort, https: this.httpsPort },
      maxConnections: 2_000,
      resolve: () => Promise.reject(new Error('no names here')),
      ...{ clock: new SystemClock(), random: new SystemRandom(), log: silentLogger, stopMs: 500 },
      ...this.#options,
    });
    this.#running = router.run(this.#ended.signal).catch((error: unknown) => void (this.failure = error));
    // The first change is applied once HAProxy serves.
    if (!alone) await router.apply({ announced: [], withdrawn: [] });
  }

  /** Ends the controller as SIGTERM does. */
  async stop(): Promise<void> {
    this.#ended.abort(new Error('SIGTERM'));
    await this.#running;
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Lets the controller go without a word to HAProxy: as SIGKILL does. */
  async abandon(): Promise<void> {
    this.haproxy.stop = () => Promise.resolve();
    this.#ended.abort(new Error('SIGKILL'));
    await this.#running;
    this.haproxy.runtime.close();
  }

  async announce(path: EntryPath, upstream: Pick<Upstream, 'port'>, release = 'v1'): Promise<void> {
    await this.registry.put(path, { host: '127.0.0.1', port: upstream.port, release });
  }

  get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
    return ask(this.httpPort, path, headers, method);
  }

  /** The access log's lines. */
  log(): Record<string, unknown>[] {
    const text = readFileSync(this.haproxy.accessLog.path, 'utf8');
    return text
      .split('\n')
      .filter((line) => line.trimStart().startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

export function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path, headers, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Sends bytes as they are, and answers with all that comes back until the other side ends or falls silent. */
export function sendRaw(port: number, text: string, quietMs = 500): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    const done = () => {
      socket.destroy();
      resolve(received);
    };
    socket.setTimeout(quietMs, done);
    socket.on('data', (data) => (received += data.toString('latin1')));
    socket.on('error', done);
    socket.on('close', done);
    socket.write(text, 'latin1');
  });
}

/** What a server of WebSockets answers: HAProxy lets no other answer through. */
export function switchingTo({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${guid}`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  const clock = new SystemClock();
  const end = clock.monotonic() + ms;
  while (!(await holds())) {
    if (clock.monotonic() > end) throw new Error(`${what}: not within ${ms} ms`);
    await delay(10);
  }
}
