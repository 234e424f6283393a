import type { Clock } from '../../base/clock';
import { sleep } from '../../base/clock';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/log';
import { LogLine_Stream } from '../../gen/gilliam/v1/log_service';
import type { LogChunk, LogLine } from '../../gen/gilliam/v1/log_service';
import type { LogsWanted, SendLogsRequest } from '../../gen/gilliam/v1/session_service';
import { LogPacker } from '../../resource/log-chunk';
import type { Driver, LogEntry } from '../driver';
import { ContainerGone } from '../driver-errors';
import type { Identity } from '../labels';
import { Limiter } from '../limiter';
import type { Transport } from '../transport';
import type { ArchivedLog, LogArchive } from './archive';
import { shortId } from './archive';
import { inBatches } from './batches';
import type { LineChoice } from './choose-lines';
import { choose, lastOf } from './choose-lines';

const maxStreams = 64;
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
  /** What containers printed that are gone; absent where that is not kept. */
  readonly archive?: LogArchive;
  /** Undefined when the instance is not here. */
  readonly source: (uid: string) => LogSource | undefined;
  /** Resolves when what `source` says of the instance may have changed, or the signal aborts. */
  readonly changed: (uid: string, signal: AbortSignal) => Promise<void>;
}

/** Who has printed a line: an instance, in one of its containers. */
interface Printer extends Pick<Identity, 'shortName' | 'release'> {
  /** The beginning of the container's id. */
  readonly shortId: string;
}

/** Lines, and whose they are. */
interface Lines {
  readonly of: Printer;
  readonly entries: readonly LogEntry[];
}

/** Answers `LogsWanted`, each with a call of its own that reads no faster than it is taken. */
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
    try {
      const lines = wanted.uid === '' ? this.#history(wanted, signal) : this.#instance(wanted, signal);
      for await (const { of, entries } of lines) {
        for (const batch of inBatches(entries)) {
          if (wanted.packed) yield { stream: '', lines: [], chunk: packEntries(batch, of), error: '' };
          else yield { stream: '', lines: batch.map((entry) => toLine(entry, of)), error: '' };
        }
      }
    } catch (error) {
      if (!signal.aborted) yield { stream: '', lines: [], error: messageOf(error) };
    }
  }

  /** Of all instances of a formation that have ended here. */
  async *#history(wanted: LogsWanted, signal: AbortSignal): AsyncGenerator<Lines> {
    const { formation, instance, release, since } = wanted;
    const found = await this.#options.archive?.find({
      formation,
      instance: instance || undefined,
      release: release || undefined,
      sinceMs: since?.getTime(),
    });
    for (const log of found ?? []) yield* this.#archived(log, wanted, signal);
  }

  /** Of one instance: what its containers printed that are gone, where that is wanted, and what its living one does. */
  async *#instance(wanted: LogsWanted, signal: AbortSignal): AsyncGenerator<Lines> {
    const { archive, source } = this.#options;
    const found = wanted.formation === '' ? [] : ((await archive?.find({ uid: wanted.uid })) ?? []);
    const now = source(wanted.uid);
    if (!now && found.length === 0) throw new Error('the instance is not on this executor any more');
    // One that is just going has been kept already, and is still read itself: not twice.
    const living = now?.containerId === undefined ? undefined : shortId(now.containerId);
    for (const log of found) if (log.shortId !== living) yield* this.#archived(log, wanted, signal);
    if (now) yield* this.#living(now.identity, wanted, signal);
  }

  async *#archived(log: ArchivedLog, wanted: LogsWanted, signal: AbortSignal): AsyncGenerator<Lines> {
    const chosen = chosenOf(log.read(signal), choiceOf(wanted));
    if (wanted.tailLines !== undefined) {
      yield { of: log, entries: await lastOf(chosen, wanted.tailLines) };
    } else for await (const entries of chosen) yield { of: log, entries };
  }

  /** With `follow`, through restarts: a container's log ends with each exit and goes on with the next start. */
  async *#living(identity: Identity, wanted: LogsWanted, signal: AbortSignal): AsyncGenerator<Lines> {
    const { driver, clock, source, changed } = this.#options;
    const choice = choiceOf(wanted);
    let cursorNs = choice.sinceNs;
    let tailLines = wanted.tailLines;
    let read: string | undefined;
    while (!signal.aborted) {
      const now = source(wanted.uid);
      const id = now?.containerId;
      if (id && (now.running || read !== id)) {
        // All lines of a new container are news.
        if (read !== undefined && read !== id) cursorNs = undefined;
        read = id;
        const of: Printer = { ...identity, shortId: shortId(id) };
        const filtered = choice.contains !== undefined || choice.untilNs !== undefined;
        try {
          if (tailLines !== undefined && filtered) {
            // The last of the lines that are wanted, which the engine cannot tell from others.
            const all = driver.logs(id, { follow: false, sinceNs: cursorNs }, signal);
            const last = await lastOf(chosenOf(noting(all), choice), tailLines);
            yield { of, entries: last };
            tailLines = undefined;
            if (!wanted.follow) return;
          }
          const options = { follow: wanted.follow, tailLines, sinceNs: cursorNs };
          for await (const entries of chosenOf(noting(driver.logs(id, options, signal)), choice)) {
            yield { of, entries };
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

    async function* noting(batches: AsyncIterable<readonly LogEntry[]>): AsyncGenerator<readonly LogEntry[]> {
      for await (const batch of batches) {
        const last = batch.at(-1);
        if (last) cursorNs = last.timeNs + 1n;
        yield batch;
      }
    }
  }
}

function choiceOf({ since, until, contains }: LogsWanted): LineChoice {
  return {
    ...(since && { sinceNs: BigInt(since.getTime()) * 1_000_000n }),
    ...(until && { untilNs: BigInt(until.getTime()) * 1_000_000n }),
    ...(contains !== '' && { contains: Buffer.from(contains) }),
  };
}

async function* chosenOf(
  batches: AsyncIterable<readonly LogEntry[]>,
  choice: LineChoice,
): AsyncGenerator<readonly LogEntry[]> {
  for await (const batch of batches) {
    const chosen = choose(batch, choice);
    if (chosen.length > 0) yield chosen;
  }
}

function packEntries(entries: readonly LogEntry[], { shortName, release, shortId }: Printer): LogChunk {
  const packer = new LogPacker(shortName, release, shortId);
  for (const { stream, timeNs, line } of entries) packer.add(msOf(timeNs), stream === 'stderr', line);
  return packer.finish();
}

/** Milliseconds since 1970, never rounded up: who goes on from there is not to miss a line. */
function msOf(timeNs: bigint): number {
  return Number(timeNs / 1_000_000n);
}

function toLine(entry: LogEntry, of: Printer): LogLine {
  return {
    instance: of.shortName,
    release: of.release,
    stream: entry.stream === 'stdout' ? LogLine_Stream.STDOUT : LogLine_Stream.STDERR,
    time: new Date(msOf(entry.timeNs)),
    line: entry.line,
    container: of.shortId,
  };
}
