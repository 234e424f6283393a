import { connectivityState, type Client } from '@grpc/grpc-js';
import type { Clock } from '../base/clock';

/** How long a control plane may take to accept a connection when there are others. */
const connectWithinMs = 2_000;

/**
 * Connections to equal servers. Calls go to one of them for as long as it answers, then to the next that does.
 * A call that has begun ends with its server: whether it may be made again is for its caller to say.
 */
export class Peers {
  readonly #clients: readonly Client[];
  readonly #clock: Clock;
  #current = 0;

  constructor(clients: readonly Client[], clock: Clock) {
    this.#clients = clients;
    this.#clock = clock;
  }

  /** One that can be reached; where none can, the call itself says why. */
  async pick(): Promise<Client> {
    const count = this.#clients.length;
    for (let tried = 0; count > 1 && tried < count; tried++) {
      const index = (this.#current + tried) % count;
      if (!(await this.#isReachable(this.#clients[index] as Client))) continue;
      this.#current = index;
      break;
    }
    return this.#clients[this.#current] as Client;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  async #isReachable(client: Client): Promise<boolean> {
    const channel = client.getChannel();
    const until = this.#clock.now() + connectWithinMs;
    for (;;) {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) return true;
      if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) return false;
      const late = await new Promise<Error | undefined>((resolve) =>
        channel.watchConnectivityState(state, until, resolve),
      );
      if (late) return false;
    }
  }
}
