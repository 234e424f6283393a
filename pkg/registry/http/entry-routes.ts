import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock';
import { deadline } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { ExhaustedError, InvalidError, NotFoundError } from '../../base/errors';
import { quote } from '../../resource/names';
import type { PartialKey } from '../entry-key';
import { parsePath } from '../entry-key';
import type { RegistryLimits, RegistryTimes } from '../settings';
import type { Announcement, Entry, EntryKey, Withdrawal } from '../types';
import { answerEmpty, answerJson, answerText, HttpError, readJson } from './answers';
import type { Caller } from './caller';
import { requireAnnouncer } from './caller';
import type { EntrySource } from './entry-answers';
import { EntryAnswers } from './entry-answers';
import { RateLimiter } from './rate-limiter';

/** A node, as those see it who announce and ask. */
export interface EntryNode extends EntrySource {
  /** Answers whether it is new. Checks all it is given. */
  announce(key: EntryKey, body: Announcement, source: Entry['source']): boolean;
  withdraw(
    key: EntryKey,
    options: { readonly source: Entry['source']; readonly waitMs: number },
    signal: AbortSignal,
  ): Promise<Withdrawal>;
  onChange(listener: (formations: ReadonlySet<string>) => void): Disposable;
}

export interface EntryRoutesOptions {
  readonly node: EntryNode;
  readonly clock: Clock;
  readonly times: RegistryTimes;
  readonly limits: RegistryLimits;
  readonly epoch: string;
}

/** The longest that a withdrawal waits: a drain time that nobody sets. */
const maxWithdrawMs = 3_600_000;

/** `/<formation>[/<service>[.<instance>]]`: what the registry is for. */
export class EntryRoutes {
  readonly #options: EntryRoutesOptions;
  readonly #answers: EntryAnswers;
  readonly #rates: RateLimiter;
  #waiting = 0;

  constructor(options: EntryRoutesOptions) {
    this.#options = options;
    const { node, clock, limits, epoch } = options;
    this.#answers = new EntryAnswers(node, epoch);
    this.#rates = new RateLimiter(clock, { perSecond: limits.writesPerSecond, burst: limits.writesBurst });
  }

  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    target: { readonly path: string; readonly query: URLSearchParams },
    callerOf: () => Caller,
  ): Promise<void> {
    const key = parsePath(target.path.slice(1));
    if (!key) {
      throw new InvalidError(
        `${quote(target.path)} is no path of the registry: use /<formation>, /<formation>/<service> or /<formation>/<service>.<instance>`,
      );
    }
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return this.#get(request, response, key, target.query);
      case 'PUT':
        return this.#put(request, response, key, callerOf());
      case 'DELETE':
        return this.#delete(response, key, target.query, callerOf());
      default:
        throw new HttpError(405, 'use GET, PUT or DELETE', { allow: 'GET, HEAD, PUT, DELETE' });
    }
  }

  async #get(
    request: IncomingMessage,
    response: ServerResponse,
    key: PartialKey,
    query: URLSearchParams,
  ): Promise<void> {
    if (request.headers.accept?.includes('text/event-stream')) return this.#stream(response, key);
    const known = request.headers['if-none-match'];
    if (known !== undefined && query.has('wait') && matches(known, this.#answers.etag(key))) {
      await this.#changed(response, key, milliseconds(query, 'wait', this.#options.times.maxPollMs));
    }
    const etag = this.#answers.etag(key);
    const headers = { etag, 'cache-control': 'no-cache' };
    if (known !== undefined && matches(known, etag)) return answerEmpty(response, 304, headers);
    const text = this.#answers.text(key, query.has('pretty'));
    if (text === undefined) {
      throw new NotFoundError(`nothing is announced as ${key.service}.${key.instance} in ${key.formation}`);
    }
    answerText(response, 200, text, headers);
  }

  async #put(
    request: IncomingMessage,
    response: ServerResponse,
    partial: PartialKey,
    caller: Caller,
  ): Promise<void> {
    this.#checkRate(caller);
    const source = requireAnnouncer(caller, partial.formation);
    const key = entryOf(partial);
    const { node, limits, times } = this.#options;
    const isNew = node.announce(key, (await readJson(request, limits.bodyBytes)) as never, source);
    const expiresMs = source === 'agent' ? times.agentLivenessMs : times.livenessMs;
    answerJson(response, isNew ? 201 : 200, { expiresMs });
  }

  async #delete(
    response: ServerResponse,
    partial: PartialKey,
    query: URLSearchParams,
    caller: Caller,
  ): Promise<void> {
    this.#checkRate(caller);
    const source = requireAnnouncer(caller, partial.formation);
    const key = entryOf(partial);
    const waitMs = query.has('wait') ? milliseconds(query, 'wait', maxWithdrawMs) : 0;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    answerJson(response, 200, await this.#options.node.withdraw(key, { source, waitMs }, gone.signal));
  }

  /** Sends the answer, and sends it again whenever it has changed. Whoever reads slowly gets the newest. */
  #stream(response: ServerResponse, key: PartialKey): void {
    const { node, clock, times } = this.#options;
    this.#enter();
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    });
    let sent = '';
    const send = () => {
      const etag = this.#answers.etag(key);
      if (etag === sent || response.writableNeedDrain) return;
      sent = etag;
      response.write(`id: ${etag.slice(1, -1)}\ndata: ${this.#answers.text(key) ?? '{}'}\n\n`);
    };
    const listening = node.onChange((formations) => {
      if (formations.has(key.formation)) send();
    });
    const ping = () => {
      if (!response.writableNeedDrain) response.write(': still here\n\n');
      pings = clock.after(times.pingMs, ping);
    };
    let pings = clock.after(times.pingMs, ping);
    response.on('drain', send);
    response.on('close', () => {
      listening.dispose();
      pings.dispose();
      this.#waiting--;
    });
    send();
  }

  /** Resolves when something of the key has changed, or the time is over, or nobody waits any more. */
  async #changed(response: ServerResponse, key: PartialKey, waitMs: number): Promise<void> {
    const { node, clock } = this.#options;
    this.#enter();
    const before = this.#answers.etag(key);
    const limit = deadline(clock, waitMs);
    try {
      await new Promise<void>((resolve) => {
        const listening = node.onChange((formations) => {
          if (formations.has(key.formation) && this.#answers.etag(key) !== before) end();
        });
        const end = () => {
          listening.dispose();
          response.off('close', end);
          resolve();
        };
        limit.signal.addEventListener('abort', end, { once: true });
        response.once('close', end);
      });
    } finally {
      limit.dispose();
      this.#waiting--;
    }
  }

  #enter(): void {
    if (this.#waiting >= this.#options.limits.waiting) {
      throw new ExhaustedError('too many wait for changes at this node: ask again later, or another node');
    }
    this.#waiting++;
  }

  #checkRate(caller: Caller): void {
    if (caller.kind === 'executor') return;
    const who = caller.kind === 'announcer' ? `formation ${caller.formation}` : `address ${caller.address}`;
    const waitMs = this.#rates.take(who);
    if (waitMs === 0) return;
    const { writesPerSecond } = this.#options.limits;
    throw new HttpError(
      429,
      `more than ${writesPerSecond} announcements a second of one announcer: slow down`,
      {
        'retry-after': String(Math.ceil(waitMs / 1_000)),
      },
    );
  }
}

function entryOf(key: PartialKey): EntryKey {
  if (key.service !== undefined && key.instance !== undefined) return key as EntryKey;
  throw new InvalidError(
    'only a single entry is announced and withdrawn: use /<formation>/<service>.<instance>',
  );
}

function matches(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(',').some((one) => [etag, '*'].includes(one.trim().replace(/^W\//, '')));
}

function milliseconds(query: URLSearchParams, name: string, max: number): number {
  const text = query.get(name) ?? '';
  if (!/^\d{1,9}$/.test(text)) throw new InvalidError(`${name} is a number of milliseconds`);
  return Math.min(Number(text), max);
}
