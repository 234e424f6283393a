import type { Socket } from 'node:net';
import type { Clock } from '../base/clock';

/** How long one direction goes on after the other has ended. */
const halfClosedMs = 60_000;

/** Passes bytes between two sockets, each direction on its own, until both have ended. */
export class Tunnel {
  #aliveMs: number;
  #halves = 2;
  #ended = false;

  constructor(
    private readonly caller: Socket,
    private readonly endpoint: Socket,
    private readonly options: {
      readonly clock: Clock;
      readonly idleMs: number;
      /** Called once. */
      readonly onEnd: () => void;
    },
  ) {
    this.#aliveMs = options.clock.monotonic();
    this.#pass(caller, endpoint);
    this.#pass(endpoint, caller);
    for (const socket of [caller, endpoint]) {
      socket.once('close', this.end);
      socket.resume();
    }
  }

  /** Breaks it where nothing has passed for too long. */
  sweep(nowMs: number): void {
    const limitMs = this.#halves === 2 ? this.options.idleMs : Math.min(this.options.idleMs, halfClosedMs);
    if (nowMs - this.#aliveMs > limitMs) this.end();
  }

  readonly end = (): void => {
    if (this.#ended) return;
    this.#ended = true;
    // What was written before is still delivered.
    for (const socket of [this.caller, this.endpoint]) {
      if (socket.writableLength === 0 || socket.destroyed) socket.destroy();
      else socket.destroySoon();
    }
    this.options.onEnd();
  };

  #pass(from: Socket, to: Socket): void {
    const { clock } = this.options;
    from.on('data', (data: Buffer) => {
      this.#aliveMs = clock.monotonic();
      if (!to.write(data)) from.pause();
    });
    to.on('drain', () => {
      this.#aliveMs = clock.monotonic();
      from.resume();
    });
    from.once('error', () => {
      // What was cut off here may not look as if it were complete there.
      to.resetAndDestroy();
      this.end();
    });
    from.on('end', () => {
      to.end();
      this.#halves--;
    });
  }
}
