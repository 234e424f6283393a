import type { Socket } from 'node:net';

/** Whoever has a request under way on a connection. */
export interface ConnectionUser {
  onData(data: Buffer): void;
  /** Takes more again, after a write that returned false. */
  onDrain(): void;
  /** The endpoint sends no more. */
  onEnd(): void;
  /** It broke. No other call follows. */
  onBroken(): void;
}

/** A connection to an endpoint, for one request after the other. */
export class Connection {
  /** How many requests it has carried before. */
  uses = 0;
  idleSinceMs = 0;
  /** How long the endpoint keeps it when it is not used, as far as it has said so. */
  hintMs = Infinity;
  user: ConnectionUser | undefined;
  #open = true;

  constructor(
    readonly socket: Socket,
    /** Called once, when it can carry nothing any more. */
    private readonly onClosed: (connection: Connection) => void,
  ) {
    socket.on('data', this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  get open(): boolean {
    return this.#open;
  }

  destroy(): void {
    this.user = undefined;
    this.#closed();
    this.socket.destroy();
  }

  /** Hands the socket over: the connection is not the pool's any more, and still counts until it closes. */
  detach(): Socket {
    this.user = undefined;
    this.socket.off('data', this.#onData);
    this.socket.off('drain', this.#onDrain);
    this.socket.off('end', this.#onEnd);
    return this.socket;
  }

  readonly #onData = (data: Buffer): void => {
    // An endpoint that speaks without being asked has lost count: its next answer would be somebody else's.
    if (this.user) this.user.onData(data);
    else this.destroy();
  };

  readonly #onDrain = (): void => this.user?.onDrain();

  readonly #onEnd = (): void => {
    if (this.user) this.user.onEnd();
    else this.destroy();
  };

  readonly #onError = (): void => this.#broke();

  readonly #onClose = (): void => this.#broke();

  #broke(): void {
    const { user } = this;
    this.user = undefined;
    this.#closed();
    user?.onBroken();
  }

  #closed(): void {
    if (!this.#open) return;
    this.#open = false;
    this.onClosed(this);
  }
}
