import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { backoffMs } from '../base/backoff';
import type { Clock } from '../base/clock';
import { deadline, sleep } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { messageOf, UnavailableError } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import { FollowerHub } from './follower-hub';
import { LineSplitter } from './lines';
import { MirrorAcks } from './mirror-acks';
import { MirrorView } from './mirror-view';
import type { Entry, Follower, RegistryView, ServiceName } from './types';
import type { FollowLine, WireEntry } from './wire';

export interface RegistryMirrorOptions {
  /** The node's: `http://127.0.0.1:4411`. */
  readonly url: string;
  /** The executor token. */
  readonly token: string;
  /** Unique on the node: `router`. Drains wait for it, also while it is restarted. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const backoff = { startMs: 50, capMs: 2_000, jitter: 0.5 };
/** A node that says nothing for so long is gone, whatever TCP thinks: it says something every two seconds. */
const silenceMs = 7_000;

/**
 * What a node knows, in another process. Keeps its last state while the node is away, and confirms a withdrawal only when
 * its own followers have.
 */
export class RegistryMirror implements RegistryView {
  readonly #options: RegistryMirrorOptions;
  readonly #view = new MirrorView();
  readonly #hub: FollowerHub;
  readonly #acks: MirrorAcks;
  readonly #firstState: Promise<void>;
  #onFirstState: () => void = () => {};
  #connected = false;
  #synced = false;
  #heardMs = 0;

  constructor(options: RegistryMirrorOptions) {
    this.#options = options;
    this.#hub = new FollowerHub({ log: options.log, all: () => this.#view.all() });
    this.#acks = new MirrorAcks({
      post: (body, signal) => this.#post('/-/follow/ack', body, signal),
      ...options,
    });
    this.#firstState = new Promise((resolve) => (this.#onFirstState = resolve));
  }

  /** Whether what it knows is what the node knows. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Whether it has known the node's state at all: before, it knows nothing, not that there is nothing. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Resolves when it has known the node's state for the first time. */
  whenSynced(): Promise<void> {
    return this.#firstState;
  }

  lookup(name: ServiceName): readonly Entry[] {
    return this.#view.lookup(name);
  }

  formations(): readonly string[] {
    return this.#view.formations();
  }

  services(formation: string): readonly string[] {
    return this.#view.services(formation);
  }

  follow(follower: Follower): Disposable {
    return this.#hub.follow(follower);
  }

  /** Follows until aborted; a lost connection is made again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    let attempt = 0;
    while (!signal.aborted) {
      try {
        await this.#connection(() => (attempt = 0), signal);
      } catch (error) {
        if (signal.aborted) break;
        if (attempt === 0) {
          log.info('the registry is away, and what it said last stays in use', { error: messageOf(error) });
        }
      } finally {
        this.#connected = false;
      }
      await sleep(clock, backoffMs(backoff, attempt++, random), signal).catch(() => {});
    }
    this.#acks.close();
  }

  /** One connection, to its end. */
  async #connection(onSynced: () => void, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const ended = new AbortController();
    const onAbort = () => ended.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    const silence = () =>
      clock.after(silenceMs, () => ended.abort(new UnavailableError('the registry is silent')));
    let timer = silence();
    try {
      const stream = await this.#open(ended.signal);
      const splitter = new LineSplitter();
      for await (const chunk of stream) {
        timer.dispose();
        timer = silence();
        this.#heardMs = clock.monotonic();
        for (const text of splitter.push(chunk as Buffer)) {
          this.#onLine(JSON.parse(text) as FollowLine);
          if (this.#connected) onSynced();
        }
      }
      throw new UnavailableError('the registry has ended the connection');
    } finally {
      timer.dispose();
      signal.removeEventListener('abort', onAbort);
      ended.abort();
    }
  }

  #onLine(line: FollowLine): void {
    if ('ping' in line) return this.#acks.alive();
    if ('snapshot' in line) {
      const changes = this.#view.difference(line.snapshot.map((entry) => this.#fromWire(entry)));
      this.#view.name(line.names);
      this.#view.apply(changes);
      this.#acks.begin(line.session);
      const isEmpty = changes.announced.length + changes.withdrawn.length === 0;
      if (!isEmpty) this.#hub.publish(changes);
      // It confirms all before it: also what was withdrawn on the connection before, and is still under way.
      this.#acks.snapshot(line.seq, this.#hub.settled());
      this.#connected = true;
      if (this.#synced) return;
      this.#synced = true;
      this.#onFirstState();
      return;
    }
    const changes = {
      announced: line.announced.map((entry) => this.#fromWire(entry)),
      withdrawn: line.withdrawn.map((entry) => this.#fromWire(entry)),
    };
    this.#view.apply(changes);
    this.#acks.change(line.seq, this.#hub.publish(changes));
  }

  #fromWire({ ageMs, ...rest }: WireEntry): Entry {
    const heardMs = this.#options.clock.monotonic() - ageMs;
    const isFresh = () => this.#connected && !rest.stale;
    const lastMs = () => this.#heardMs;
    return {
      ...rest,
      // While the node is there, and does not call it stale, it is alive.
      get heardMs() {
        return isFresh() ? Math.max(heardMs, lastMs()) : heardMs;
      },
    };
  }

  #open(signal: AbortSignal): Promise<IncomingMessage> {
    const { url, token, name } = this.#options;
    return new Promise((resolve, reject) => {
      const sent = request(
        new URL(`/-/follow?name=${encodeURIComponent(name)}`, url),
        { headers: { authorization: `Bearer ${token}` }, agent: false, signal },
        (response) => {
          if (response.statusCode === 200) return resolve(response);
          response.resume();
          reject(new UnavailableError(`the registry at ${url} answers ${response.statusCode}`));
        },
      );
      sent.on('error', (error) =>
        reject(new UnavailableError(`the registry at ${url} does not answer: ${error.message}`)),
      );
      sent.end();
    });
  }

  /** Answers whether it was taken. */
  #post(path: string, body: unknown, signal: AbortSignal): Promise<void> {
    const { url, token, clock } = this.#options;
    const limit = deadline(clock, 5_000, signal);
    return new Promise<void>((resolve, reject) => {
      const sent = request(
        new URL(path, url),
        {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          signal: limit.signal,
        },
        (response) => {
          response.resume();
          // Refused is what a restarted node knows nothing of: to say it again is of no use.
          response.on('end', () =>
            (response.statusCode ?? 500) < 500 ? resolve() : reject(new UnavailableError('')),
          );
        },
      );
      sent.on('error', reject);
      sent.end(JSON.stringify({ name: this.#options.name, ...(body as object) }));
    }).finally(() => limit.dispose());
  }
}
