import { connect, createServer, type Server, type Socket } from 'node:net';

/** Of all instances of this machine. */
const maxConnections = 256;
/** Of one instance: it is not to keep others from the API. */
const maxOfOne = 32;
/** An instance that was killed says nothing any more. */
const keepAliveMs = 15_000;

/**
 * Passes connections on to the control plane, byte by byte: instances reach it at an address of their own machine, which
 * nobody else can, and with a token, as everybody else has to.
 */
export class ApiRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #ofOne = new Map<string, number>();

  /** @param api `host:port` of the control plane */
  constructor(api: string) {
    const at = api.lastIndexOf(':');
    const target = { host: api.slice(0, at), port: Number(api.slice(at + 1)) };
    this.#server = createServer({ noDelay: true }, (caller) => {
      if (!this.#enter(caller)) return void caller.destroy();
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

  /** Whether it is not one too many of its instance. */
  #enter(caller: Socket): boolean {
    const { remoteAddress: address = '' } = caller;
    const count = this.#ofOne.get(address) ?? 0;
    if (count >= maxOfOne) return false;
    this.#ofOne.set(address, count + 1);
    caller.setKeepAlive(true, keepAliveMs);
    caller.once('close', () => {
      const left = (this.#ofOne.get(address) ?? 1) - 1;
      if (left > 0) this.#ofOne.set(address, left);
      else this.#ofOne.delete(address);
    });
    return true;
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
