import type { GilliamError } from '../../base/errors';
import { CancelledError, UnavailableError } from '../../base/errors';
import type { Network } from './network';
import { Pipe } from './pipe';
import type { SimProcess } from './sim-process';

/** As gRPC is set up: asked for a sign of life after a second of silence, which may take four more. */
const silenceMs = 5_000;

/** One stream between two processes, in both directions. What each side sees is what a gRPC stream would show it. */
export class Connection {
  /** What the client sends. */
  readonly up: Pipe;
  /** What the server sends. */
  readonly down: Pipe;
  /** Aborted when the server hears that the client is gone. */
  readonly gone = new AbortController();
  readonly #network: Network;
  readonly #client: SimProcess;
  readonly #server: SimProcess;

  constructor(network: Network, client: SimProcess, server: SimProcess) {
    this.#network = network;
    this.#client = client;
    this.#server = server;
    this.up = new Pipe(network, client, server);
    this.down = new Pipe(network, server, client);
    network.add(this);
    const ended = () => this.#died();
    client.onEnd(ended);
    server.onEnd(ended);
  }

  get hosts(): readonly string[] {
    return [this.#client.host, this.#server.host];
  }

  /** The client leaves: the server is told, if it can be. */
  cancel(): void {
    this.down.fail(new CancelledError('the call was cancelled'));
    this.#tellServer();
  }

  /** The server has ended it: well, or with an error. */
  end(error?: GilliamError): void {
    if (error) this.down.end(error);
    else this.down.end();
    this.up.fail(new CancelledError('the call is over'));
    this.#network.delete(this);
  }

  /** Both sides lose it at once. */
  break(why: string): void {
    this.down.fail(new UnavailableError(why));
    this.#tellServer();
  }

  /** The way is open again. */
  resume(): void {
    this.up.resume();
    this.down.resume();
  }

  /** Whoever hears nothing of the other for long gives up. */
  watchForSilence(): void {
    const afterMs = silenceMs * (0.5 + this.#network.random.next() / 2);
    this.#network.time.after(afterMs, () => {
      if (this.#alive) return;
      if (this.#client.alive) this.down.fail(new UnavailableError('no sign of life from the control plane'));
      if (this.#server.alive) this.#serverHears();
      this.#network.delete(this);
    });
  }

  get #alive(): boolean {
    const reaches = this.#network.reaches(this.#client.host, this.#server.host);
    return reaches && [this.#client, this.#server].every(({ alive, paused }) => alive && !paused);
  }

  /** Its machine says so at once, if that lives; else it is noticed by the silence. */
  #died(): void {
    this.watchForSilence();
    const [client, server] = [this.#client, this.#server];
    if (!client.alive && this.#network.isUp(client.host)) this.#tellServer();
    if (!server.alive && this.#network.isUp(server.host) && this.#network.reaches(client.host, server.host)) {
      this.#network.time.after(this.#network.delayMs(), () =>
        this.down.fail(new UnavailableError('the connection was reset')),
      );
    }
  }

  #tellServer(): void {
    if (this.#network.reaches(this.#client.host, this.#server.host)) {
      this.#network.time.after(this.#network.delayMs(), () => this.#serverHears());
    } else this.watchForSilence();
  }

  #serverHears(): void {
    this.#server.clock.after(0, () => {
      this.up.fail(new CancelledError('the caller is gone'));
      this.gone.abort(new CancelledError('the caller is gone'));
      this.#network.delete(this);
    });
  }
}
