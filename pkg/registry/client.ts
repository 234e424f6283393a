import { Pool } from 'undici';
import type { Clock } from '../base/clock';
import { deadline } from '../base/clock';
import {
  CancelledError,
  DeniedError,
  ExhaustedError,
  InternalError,
  InvalidError,
  messageOf,
  NotFoundError,
  PreconditionError,
  UnauthenticatedError,
  UnavailableError,
} from '../base/errors';
import { formatKey } from './entry-key';
import type { Peer } from './gossip';
import { isRecord } from './item';
import type { Resolution } from './resolution';
import { UnknownNameError } from './resolution';
import type { RegistryStatus } from './status';
import type { TrafficLine, TrafficTable } from './traffic';
import type { Announcement, EntryKey, Identity, InstanceNetwork, Withdrawal } from './types';

export { RegistryMirror } from './mirror';
export type { RegistryMirrorOptions } from './mirror';

export interface RegistryClientOptions {
  /** `http://127.0.0.1:4411` */
  readonly url: string;
  /** The executor token, or one for announcing in a formation. Without one it can only read. */
  readonly token?: string;
  readonly clock: Clock;
  /** How long an answer may take, apart from what is waited for. Default 5 s. */
  readonly timeoutMs?: number;
}

interface Call {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** Besides the timeout. */
  readonly waitMs?: number;
}

/**
 * Speaks to a node of the registry. Errors are those that the node means: UnavailableError when it does not answer.
 */
export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #pool: Pool;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
    // As many connections as it takes: of the calls that wait for drains none is to keep an announcement waiting.
    this.#pool = new Pool(options.url, { connections: null, headersTimeout: 0, bodyTimeout: 0 });
  }

  /** Announces, or renews. Answers after how long it expires without being renewed. */
  async announce(
    key: EntryKey,
    body: Announcement,
    signal?: AbortSignal,
  ): Promise<{ readonly expiresMs: number }> {
    return this.#call({ method: 'PUT', path: `/${formatKey(key)}`, body }, signal);
  }

  /** Withdraws; with `waitMs`, answers when nobody who is up sends anything there any more, or the time is over. */
  async withdraw(
    key: EntryKey,
    options: { readonly waitMs?: number } = {},
    signal?: AbortSignal,
  ): Promise<Withdrawal> {
    const waitMs = options.waitMs ?? 0;
    const query = waitMs > 0 ? `?wait=${Math.round(waitMs)}` : '';
    return this.#call({ method: 'DELETE', path: `/${formatKey(key)}${query}`, waitMs }, signal);
  }

  /** The other nodes of the stage. */
  async setPeers(peers: readonly Peer[], signal?: AbortSignal): Promise<void> {
    await this.#call({ method: 'PUT', path: '/-/peers', body: peers }, signal);
  }

  /** Which instance has which address of the executor's container network. The full table. */
  async setInstances(table: Readonly<Record<string, Identity>>, signal?: AbortSignal): Promise<void> {
    await this.#call({ method: 'PUT', path: '/-/instances', body: table }, signal);
  }

  /** What the router has sent: stands for what was told before. */
  async putTraffic(lines: readonly TrafficLine[], signal?: AbortSignal): Promise<void> {
    await this.#call({ method: 'PUT', path: '/-/traffic', body: lines }, signal);
  }

  /** What router and proxy of the executor have sent. */
  async traffic(signal?: AbortSignal): Promise<TrafficTable> {
    return this.#call({ method: 'GET', path: '/-/traffic' }, signal);
  }

  async environment(signal?: AbortSignal): Promise<InstanceNetwork> {
    return this.#call({ method: 'GET', path: '/-/environment' }, signal);
  }

  /** Throws UnknownNameError, with the nearest names, for an unknown one. */
  async resolve(name: string, signal?: AbortSignal): Promise<Resolution> {
    return this.#call({ method: 'GET', path: `/-/resolve?name=${encodeURIComponent(name)}` }, signal);
  }

  async status(signal?: AbortSignal): Promise<RegistryStatus> {
    return this.#call({ method: 'GET', path: '/-/status' }, signal);
  }

  /** Ends what is under way too. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #call<T>({ method, path, body, waitMs = 0 }: Call, signal?: AbortSignal): Promise<T> {
    const { url, token, clock, timeoutMs = 5_000 } = this.#options;
    const limit = deadline(clock, timeoutMs + waitMs, signal);
    let status: number;
    let text: string;
    try {
      const answer = await this.#pool.request({
        method,
        path,
        body: body === undefined ? null : JSON.stringify(body),
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        signal: limit.signal,
      });
      status = answer.statusCode;
      text = await answer.body.text();
    } catch (error) {
      if (signal?.aborted) throw new CancelledError('the call was cancelled', { cause: error });
      throw new UnavailableError(`the registry at ${url} does not answer: ${messageOf(error)}`, {
        cause: error,
      });
    } finally {
      limit.dispose();
    }
    const value = valueOf(text);
    if (status >= 400) throw errorOf(status, value);
    return value as T;
  }
}

function valueOf(text: string): unknown {
  try {
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return { error: `what has answered is no registry: ${JSON.stringify(text.slice(0, 64))}` };
  }
}

function errorOf(status: number, value: unknown): Error {
  const { error, nearest } = isRecord(value) ? value : {};
  const message = typeof error === 'string' ? error : `the registry answers ${status}`;
  if (status === 404 && Array.isArray(nearest)) return new UnknownNameError(message, nearest.map(String));
  if (status === 401) return new UnauthenticatedError(message);
  if (status === 403) return new DeniedError(message);
  if (status === 404) return new NotFoundError(message);
  if (status === 409) return new PreconditionError(message);
  if (status === 429) return new ExhaustedError(message);
  if (status < 500) return new InvalidError(message);
  return status === 500 ? new InternalError(message) : new UnavailableError(message);
}
