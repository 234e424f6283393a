import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly target: Socket;
  /** Replies were thrown away: the connection is of no use any more. */
  spoiled: boolean;
}

type Mode = 'forward' | 'stall' | 'drop-replies' | 'refuse';

/** A TCP proxy on a port of its own that misbehaves on demand, as networks do. */
export class TcpProxy {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #mode: Mode = 'forward';
  #cutAfterBytes = Infinity;
  #accepted = 0;
  #droppedBytes = 0;

  private constructor(
    private readonly target: { host: string; port: number },
    readonly port: number,
  ) {
    this.#server = createServer((client) => this.#accept(client));
  }

  /** Forwards to a port of this machine. */
  static async start(targetPort: number): Promise<TcpProxy> {
    const port = await freePort();
    const proxy = new TcpProxy({ host: '127.0.0.1', port: targetPort }, port);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(port, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** How many connections have been accepted in all. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many bytes of replies have been thrown away in all. */
  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  /** Breaks all connections. New ones are accepted. */
  cut(): void {
    for (const pair of [...this.#pairs]) this.#destroy(pair);
  }

  /** Breaks each connection that passes so many bytes of replies more, until `forward`. */
  cutAfter(replyBytes: number): void {
    this.#cutAfterBytes = replyBytes;
  }

  /** Passes nothing in either direction, and keeps connections open: a black hole. */
  stall(): void {
    this.#mode = 'stall';
    for (const { client, target } of this.#pairs) {
      client.pause();
      target.pause();
    }
  }

  /** Passes requests, and throws replies away. */
  dropReplies(): void {
    this.#mode = 'drop-replies';
  }

  /** Breaks all connections, and accepts none. */
  refuse(): void {
    this.#mode = 'refuse';
    this.cut();
  }

  /** Behaves again. What was held back by a stall is passed now; connections that lost replies are broken. */
  forward(): void {
    this.#mode = 'forward';
    this.#cutAfterBytes = Infinity;
    for (const pair of [...this.#pairs]) {
      if (pair.spoiled) {
        this.#destroy(pair);
        continue;
      }
      pair.client.resume();
      pair.target.resume();
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket): void {
    this.#accepted++;
    if (this.#mode === 'refuse') {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const target = connect(this.target);
    const pair: Pair = { client, target, spoiled: false };
    this.#pairs.add(pair);
    let replyBytes = 0;
    for (const socket of [client, target]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.#destroy(pair));
      socket.on('close', () => this.#destroy(pair));
    }
    client.on('data', (data) => target.write(data));
    target.on('data', (data) => {
      replyBytes += data.length;
      if (this.#mode === 'drop-replies') {
        pair.spoiled = true;
        this.#droppedBytes += data.length;
      } else if (replyBytes > this.#cutAfterBytes) this.#destroy(pair);
      else client.write(data);
    });
    if (this.#mode === 'stall') {
      client.pause();
      target.pause();
    }
  }

  #destroy(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    pair.client.destroy();
    pair.target.destroy();
  }
}

/** A port of this machine on which nobody listens now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
