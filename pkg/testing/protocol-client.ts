import { connect, type Socket } from 'node:net';

/** A connection to a server, by hand: bytes there and bytes back, each wait with an end. */
export class ProtocolClient {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;
  #wake = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the server has closed the connection')));
  }

  static open(host: string, port: number): Promise<ProtocolClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host, () => resolve(new ProtocolClient(socket)));
      socket.once('error', reject);
    });
  }

  send(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** What has come until `enough` gives something of it: that. What has come is forgotten then. */
  async receive<T>(enough: (received: Buffer) => T | undefined, limitMs = 5_000): Promise<T> {
    const endMs = Date.now() + limitMs;
    for (;;) {
      const found = enough(this.#received);
      if (found !== undefined) {
        this.#received = Buffer.alloc(0);
        return found;
      }
      const leftMs = endMs - Date.now();
      if (this.#failure || leftMs <= 0) {
        const text = JSON.stringify(this.#received.toString('latin1'));
        throw this.#failure ?? new Error(`nothing of what is waited for within ${limitMs} ms: ${text}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Sends it, and waits until what comes back has the pattern; what comes back. */
  async ask(text: string, pattern: RegExp): Promise<string> {
    this.send(text);
    return this.receive((received) => {
      const answer = received.toString('latin1');
      return pattern.test(answer) ? answer : undefined;
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #end(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}
