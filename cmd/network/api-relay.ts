import { connect, createServer, isIP, type Server, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type PeerCertificate } from 'node:tls';
import { parseAddresses } from '../../pkg/client/addresses';
import { hostOf } from '../../pkg/client/trust';

/** Of all instances of this machine. */
const maxConnections = 256;
/** Of one instance: it is not to keep others from the API. */
const maxOfOne = 32;
/** An instance that was killed says nothing any more. */
const keepAliveMs = 15_000;
/** A machine that is switched off says nothing, for minutes: the next control plane is asked before callers give up. */
const connectMs = 2_000;

interface Target {
  readonly host: string;
  readonly port: number;
}

/**
 * Passes connections on to the control plane, byte by byte: instances reach it at an address of their own machine, which
 * nobody else can, and with a token, as everybody else has to. Where the control plane asks for TLS, it is spoken from here
 * on: instances need no certificates, whether the stage is open to other machines or not.
 */
export class ApiRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #ofOne = new Map<string, number>();

  /**
   * @param api `host:port` of the control plane; of several, all of them with commas between
   * @param ca by what they are known, in PEM; absent where they speak no TLS
   */
  constructor(
    api: string,
    private readonly ca?: string,
    private readonly patienceMs = connectMs,
  ) {
    const targets = parseAddresses(api).map((address) => {
      return { host: hostOf(address), port: Number(address.slice(address.lastIndexOf(':') + 1)) };
    });
    this.#server = createServer({ noDelay: true }, (caller) => {
      if (!this.#enter(caller)) return void caller.destroy();
      this.#hold(caller);
      this.#connect(caller, targets);
    });
    this.#server.maxConnections = maxConnections;
  }

  /** To the first of them that accepts. What the caller says meanwhile is not read yet. */
  #connect(caller: Socket, [target, ...others]: readonly Target[]): void {
    if (!target) return void caller.destroy();
    const upstream = this.#hold(this.#dial(target));
    let joined = false;
    upstream.setTimeout(this.patienceMs, () => upstream.destroy());
    upstream.once(this.ca === undefined ? 'connect' : 'secureConnect', () => {
      joined = true;
      upstream.setTimeout(0);
      caller.pipe(upstream).pipe(caller);
    });
    upstream.once('close', () => {
      if (joined || caller.destroyed) caller.destroy();
      else this.#connect(caller, others);
    });
    caller.once('close', () => upstream.destroy());
  }

  #dial(target: Target): Socket {
    const { ca } = this;
    if (ca === undefined) return connect({ ...target, noDelay: true });
    // An address may not be said as a name, and is what the certificate has to be for.
    const name = isIP(target.host)
      ? { checkServerIdentity: (_: string, peer: PeerCertificate) => checkServerIdentity(target.host, peer) }
      : { servername: target.host };
    const socket = connectTls({ ...target, ...name, ca, ALPNProtocols: ['h2'] });
    return socket.setNoDelay(true);
  }

  /** Until it is closed. */
  #hold(socket: Socket): Socket {
    this.#sockets.add(socket);
    // Whatever the error, it is followed by the close.
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
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
