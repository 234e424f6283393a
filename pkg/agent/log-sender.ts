import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import { LogLine_Stream } from '../gen/gilliam/v1/log_service';
import type { LogLine } from '../gen/gilliam/v1/log_service';
import type { LogsWanted, SendLogsRequest } from '../gen/gilliam/v1/session_service';
import type { Driver, LogEntry } from './driver';
import { ContainerGone } from './driver-errors';
import type { Identity } from './labels';
import { Limiter } from './limiter';
import type { Transport } from './transport';

const maxStreams = 64;
/** A message is sent when it holds so much, or when nothing more is there at the moment. */
const maxBatchBytes = 64 * 1024;
const maxBatchLines = 512;
/** Between the end of a followed log and the question whether it goes on. */
const settleMs = 100;

/** What a sender of logs has to know of an instance. */
export interface LogSource {
  readonly identity: Identity;
  /** Its container; undefined while it has none. */
  readonly containerId: string | undefined;
  readonly running: boolean;
  /** It will not have a container any more that prints. */
  readonly over: boolean;
}

export interface LogSenderOptions {
  readonly driver: Driver;
  readonly clock: Clock;
  readonly log: Logger;
  /** Undefined when the instance is not here. */
  readonly source: (uid: string) => LogSource | undefined;
  /** Resolves when what `source` says of the instance may have changed, or the signal aborts. */
  readonly changed: (uid: string, signal: AbortSignal) => Promise<void>;
}

/** Answers `LogsWanted`, each with a call of its own that reads the container's log no faster than it is taken. */
export class LogSender {
  readonly #options: LogSenderOptions;
  readonly #limiter = new Limiter(maxStreams);

  constructor(options: LogSenderOptions) {
    this.#options = options;
  }

  async send(wanted: LogsWanted, transport: Transport, signal: AbortSignal): Promise<void> {
    await this.#limiter.run(async () => {
      const ended = new AbortController();
      const either = AbortSignal.any([signal, ended.signal]);
      try {
        await transport.sendLogs(this.#requests(wanted, either), either);
      } catch (error) {
        // The reader is gone, or the session: nobody is left to be told.
        this.#options.log.debug('logs were not sent to the end', { error: messageOf(error) });
      } finally {
        ended.abort(new Error('the call has ended'));
      }
    });
  }

  async *#requests(wanted: LogsWanted, signal: AbortSignal): AsyncGenerator<SendLogsRequest> {
    // At once, so that the reader knows that somebody answers.
    yield { stream: wanted.stream, lines: [], error: '' };
    const source = this.#options.source(wanted.uid);
    if (!source) {
      yield { stream: '', lines: [], error: 'the instance is not on this executor any more' };
      return;
    }
    try {
      for await (const batch of inBatches(this.#entries(wanted, signal))) {
        yield { stream: '', lines: batch.map((entry) => toLine(entry, source.identity)), error: '' };
      }
    } catch (error) {
      if (!signal.aborted) yield { stream: '', lines: [], error: messageOf(error) };
    }
  }

  /** With `follow`, through restarts: a container's log ends with each exit and goes on with the next start. */
  async *#entries(wanted: LogsWanted, signal: AbortSignal): AsyncGenerator<LogEntry> {
    const { driver, clock, source, changed } = this.#options;
    let cursorNs = wanted.since ? BigInt(wanted.since.getTime()) * 1_000_000n : undefined;
    let tailLines = wanted.tailLines;
    let read: string | undefined;
    while (!signal.aborted) {
      const now = source(wanted.uid);
      const id = now?.containerId;
      if (id && (now.running || read !== id)) {
        // All lines of a new container are news.
        if (read !== undefined && read !== id) cursorNs = undefined;
        read = id;
        try {
          const options = { follow: wanted.follow, tailLines, sinceNs: cursorNs };
          for await (const entry of driver.logs(id, options, signal)) {
            cursorNs = entry.timeNs + 1n;
            yield entry;
          }
        } catch (error) {
          if (!(error instanceof ContainerGone) || !wanted.follow) throw error;
        }
        tailLines = undefined;
      }
      if (!wanted.follow || !now || now.over) return;
      // An exit shows here first, and what is known of the container a moment later.
      await sleep(clock, settleMs, signal);
      const next = source(wanted.uid);
      if (next && !next.over && !(next.running && next.containerId)) await changed(wanted.uid, signal);
    }
  }
}

function toLine(entry: LogEntry, identity: Identity): LogLine {
  return {
    instance: identity.shortName,
    release: identity.release,
    stream: entry.stream === 'stdout' ? LogLine_Stream.STDOUT : LogLine_Stream.STDERR,
    time: new Date(Number(entry.timeNs / 1_000_000n)),
    line: entry.line,
  };
}

/** What is there at the moment, together, within the bounds; never waits for more to come. */
async function* inBatches(entries: AsyncIterable<LogEntry>): AsyncGenerator<LogEntry[]> {
  const iterator = entries[Symbol.asyncIterator]();
  const ask = () => {
    const next = iterator.next();
    // It is asked for before it is awaited, and the reader may take its time, or leave: a failure is not unheard of.
    next.catch(() => {});
    return next;
  };
  try {
    let next = ask();
    for (;;) {
      const first = await next;
      if (first.done) return;
      const batch = [first.value];
      let bytes = first.value.line.length;
      let done = false;
      next = ask();
      while (bytes < maxBatchBytes && batch.length < maxBatchLines) {
        const more = await Promise.race([next, nothingYet()]);
        if (more === undefined) break;
        if (more.done) {
          done = true;
          break;
        }
        batch.push(more.value);
        bytes += more.value.line.length;
        next = ask();
      }
      yield batch;
      if (done) return;
    }
  } finally {
    await iterator.return?.();
  }
}

/** After whatever is already on its way inside this process. */
function nothingYet(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(() => resolve(undefined)));
}
