import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SeededRandom } from '../base/random';
import { TrafficCounters } from '../metrics/traffic-counters';
import type { Resolve } from '../proxy/dialer';
import type { ProxyOptions } from '../proxy/options';
import { Proxy } from '../proxy/proxy';
import { FakeRegistry } from './fake-registry';
import { RawConnection, RawServer } from './raw-connection';

/** A proxy, a registry that knows what a test tells it, and everything that has to be ended after it. */
export class ProxyHarness {
  readonly #ends: (() => Promise<void> | void)[] = [];
  #port = 0;

  private constructor(
    readonly proxy: Proxy,
    readonly registry: FakeRegistry,
    readonly traffic: TrafficCounters,
  ) {}

  get port(): number {
    return this.#port;
  }

  static async start(
    options: Partial<ProxyOptions> = {},
    resolve?: Resolve,
    settings: Partial<ConstructorParameters<typeof Proxy>[0]> = {},
  ): Promise<ProxyHarness> {
    const registry = new FakeRegistry();
    const clock = new SystemClock();
    const traffic = new TrafficCounters({ clock, random: new SeededRandom(2) });
    const proxy = new Proxy({
      registry,
      identities: registry,
      executor: 'one',
      clock,
      traffic,
      random: new SeededRandom(1),
      log: silentLogger,
      options,
      resolve,
      ...settings,
    });
    const harness = new ProxyHarness(proxy, registry, traffic);
    const [port] = await proxy.listen([{ host: '127.0.0.1', port: 0 }]);
    harness.#port = port as number;
    harness.onEnd(() => proxy.close());
    return harness;
  }

  onEnd(end: () => Promise<void> | void): void {
    this.#ends.push(end);
  }

  /** A connection to the proxy. */
  async caller(): Promise<RawConnection> {
    const connection = await RawConnection.open(this.#port);
    this.onEnd(() => connection.destroy());
    return connection;
  }

  /** A server, announced as an instance: `shop/web.1`. */
  async endpoint(
    path: `${string}/${string}.${string}` = 'shop/web.1',
    onConnection?: (connection: RawConnection) => void,
  ): Promise<RawServer> {
    const server = await RawServer.start(onConnection);
    this.onEnd(() => server.close());
    await this.registry.put(path, { host: '127.0.0.1', port: server.port, ports: { '80': server.port } });
    return server;
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}

/** `GET http://web.shop.service/` with more fields. */
export function get(fields: readonly string[] = [], target = 'http://web.shop.service/'): string {
  return request('GET', fields, '', target);
}

export function request(
  method: string,
  fields: readonly string[],
  body = '',
  target = 'http://web.shop.service/',
): string {
  return [`${method} ${target} HTTP/1.1`, 'Host: web.shop.service', ...fields, '', body].join('\r\n');
}

/** A response with a body by Content-Length. */
export function ok(body = 'ok', fields: readonly string[] = []): string {
  return ['HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...fields, '', body].join('\r\n');
}

/** Answers each request without a body. */
export function answering(
  response: string,
  onAnswer: () => void = () => {},
): (connection: RawConnection) => void {
  return (connection) => {
    let text = '';
    connection.socket.on('data', (data) => {
      text += data.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        text = text.slice(end + 4);
        onAnswer();
        connection.send(response);
      }
    });
  };
}

/** Waits for a condition; throws after five seconds. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what}: not within 5 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
