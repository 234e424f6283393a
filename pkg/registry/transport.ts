import { Pool } from 'undici';
import type { Clock } from '../base/clock';
import { deadline } from '../base/clock';
import { DeadlineError, messageOf, UnavailableError } from '../base/errors';

export interface TransportAnswer {
  readonly status: number;
  readonly text: string;
}

/** How a node speaks to its peers. */
export interface Transport {
  /** Throws UnavailableError when there is no answer, DeadlineError when not in time. `address` is host and port. */
  post(address: string, path: string, body: string, signal?: AbortSignal): Promise<TransportAnswer>;
  /** Only these are spoken to from now on: connections to others end with what is under way there. */
  keepOnly(addresses: readonly string[]): void;
  close(): Promise<void>;
}

export interface HttpTransportOptions {
  readonly token: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** HTTP with kept connections: a node speaks to few peers often, and to the others now and then. */
export class HttpTransport implements Transport {
  readonly #options: HttpTransportOptions;
  readonly #pools = new Map<string, Pool>();
  #closed = false;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
  }

  async post(address: string, path: string, body: string, signal?: AbortSignal): Promise<TransportAnswer> {
    const { token, clock, timeoutMs } = this.#options;
    const limit = deadline(clock, timeoutMs, signal);
    try {
      const answer = await this.#pool(address).request({
        method: 'POST',
        path,
        body,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        signal: limit.signal,
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    } catch (error) {
      if (limit.signal.aborted && !signal?.aborted) {
        throw new DeadlineError(`${address} does not answer within ${timeoutMs} ms`, { cause: error });
      }
      throw new UnavailableError(`${address} does not answer: ${messageOf(error)}`, { cause: error });
    } finally {
      limit.dispose();
    }
  }

  keepOnly(addresses: readonly string[]): void {
    const kept = new Set(addresses);
    for (const [address, pool] of this.#pools) {
      if (kept.has(address)) continue;
      this.#pools.delete(address);
      // Every request has a deadline, so this ends.
      pool.close().catch(() => {});
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #pool(address: string): Pool {
    if (this.#closed) throw new UnavailableError('the node is closing');
    let pool = this.#pools.get(address);
    if (!pool) {
      pool = new Pool(`http://${address}`, {
        connections: 4,
        keepAliveTimeout: 30_000,
        connect: { timeout: this.#options.timeoutMs },
        // The deadline is the caller's.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      this.#pools.set(address, pool);
    }
    return pool;
  }
}
