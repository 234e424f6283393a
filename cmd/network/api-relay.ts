import { connect, createServer, type Server, type Socket } from 'node:net';

/** Of all instances of this machine. */
const maxConnections = 256;

/**
 * Passes connections on to the control plane, byte by byte: instances reach it at an address of their own machine, which
 * nobody else can, and with a token, as everybody else has to.
 */
export class ApiRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** @param api `host:port` of the control plane */
  constructor(api: string) {
    const at = api.lastIndexOf(':');
    const target = { host: api.slice(0, at), port: Number(api.slice(at + 1)) };
    this.#server = createServer({ noDelay: true }, (caller) => {
      const upstream = connect({ ...target, noDelay: true });
      for (const [one, other] of [
        [caller, upstream],
        [upstream, caller],
      ] as const) {
        this.#sockets.add(one);
        one.pipe(other);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
      }
    });
    this.#server.maxConnections = maxConnections;
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
