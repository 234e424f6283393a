import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const deadlineMs = 5_000;

/** A TCP connection that says exactly what a test writes, and shows exactly what comes back. */
export class RawConnection {
  #text = '';
  #ended: 'end' | 'reset' | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(readonly socket: Socket) {
    socket.on('data', (data) => {
      this.#text += data.toString('latin1');
      this.#wake();
    });
    socket.on('end', () => {
      this.#ended ??= 'end';
      this.#wake();
    });
    socket.on('error', () => {
      this.#ended ??= 'reset';
      this.#wake();
    });
    socket.on('close', () => {
      this.#ended ??= 'end';
      this.#wake();
    });
  }

  static async open(port: number, host = '127.0.0.1'): Promise<RawConnection> {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawConnection(socket);
  }

  /** All that has come and was not taken by `until`. */
  get text(): string {
    return this.#text;
  }

  /** `end`: in order; `reset`: broken off. */
  get ended(): 'end' | 'reset' | undefined {
    return this.#ended;
  }

  send(text: string | Buffer): void {
    if (typeof text === 'string') this.socket.write(text, 'latin1');
    else this.socket.write(text);
  }

  /** Ends this side. */
  end(): void {
    this.socket.end();
  }

  /** Waits for text, and takes all up to its end. Throws when the connection ends before. */
  async until(what: string | RegExp): Promise<string> {
    let end = 0;
    await this.#wait(`${String(what)} to arrive`, () => {
      if (typeof what === 'string') {
        const index = this.#text.indexOf(what);
        end = index + what.length;
        return index >= 0;
      }
      const match = what.exec(this.#text);
      end = match ? match.index + match[0].length : 0;
      return match !== null;
    });
    const taken = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    return taken;
  }

  /** One response or request with its body by Content-Length; the next one stays. */
  async message(): Promise<string> {
    const head = await this.until('\r\n\r\n');
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    await this.#wait(`${length} bytes of body`, () => this.#text.length >= length);
    const body = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return head + body;
  }

  /** All there is until the other side ends the connection. */
  async rest(): Promise<string> {
    await this.#wait('the connection to end', () => this.#ended !== undefined, true);
    const text = this.#text;
    this.#text = '';
    return text;
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Breaks it off, as a process that is killed does with what it has not read. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #wait(what: string, holds: () => boolean, toEnd = false): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (error?: Error) => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        if (error) reject(error);
        else resolve();
      };
      const check = () => {
        if (holds()) finish();
        else if (!toEnd && this.#ended) {
          finish(new Error(`the connection ended (${this.#ended}) while waiting for ${what}: ${this.#text}`));
        }
      };
      const timer = setTimeout(
        () =>
          finish(new Error(`waited ${deadlineMs} ms for ${what}; there is: ${this.#text.slice(0, 2_000)}`)),
        deadlineMs,
      );
      this.#waiting.add(check);
      check();
    });
  }

  #wake(): void {
    for (const check of [...this.#waiting]) check();
  }
}

/** A server whose every connection is in a test's hands. */
export class RawServer {
  readonly connections: RawConnection[] = [];
  readonly #server: Server;
  readonly #waiting: ((connection: RawConnection) => void)[] = [];
  #taken = 0;

  private constructor(private readonly onConnection?: (connection: RawConnection) => void) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const connection = new RawConnection(socket);
      this.connections.push(connection);
      this.onConnection?.(connection);
      this.#hand();
    });
  }

  /** @param onConnection does with each what it likes */
  static async start(
    onConnection?: (connection: RawConnection) => void,
    host = '127.0.0.1',
  ): Promise<RawServer> {
    const server = new RawServer(onConnection);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(0, host, resolve);
    });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The next connection that nobody has taken yet. */
  accepted(): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no connection within ${deadlineMs} ms`)), deadlineMs);
      this.#waiting.push((connection) => {
        clearTimeout(timer);
        resolve(connection);
      });
      this.#hand();
    });
  }

  /** Ends all connections, and takes no more. */
  async close(): Promise<void> {
    for (const connection of this.connections) connection.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #hand(): void {
    while (this.#waiting.length > 0 && this.#taken < this.connections.length) {
      this.#waiting.shift()?.(this.connections[this.#taken++] as RawConnection);
    }
  }
}
