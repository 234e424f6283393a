import type { LogEntry } from '../driver';

const headerBytes = 8;
/** No message of the engine is longer; a length beyond it means that the stream is not what it should be. */
const maxFrameBytes = 4 * 1024 * 1024;
const maxLineBytes = 64 * 1024;

const lineEnd = 0x0a;
const space = 0x20;
const digitZero = 0x30;
/** Of the form in which the engine writes times, nearly always: `2026-11-21T21:42:15.857717851Z`. */
const timeBytes = 30;

type Stream = LogEntry['stream'];

interface Partial {
  readonly timeNs: bigint;
  readonly pieces: Buffer[];
  bytes: number;
}

/**
 * Takes the engine's multiplexed log apart into lines. Each frame is a header (stream, length), a time stamp and a
 * piece of text; a long line comes in several. What is kept of an unfinished line is bounded: longer lines come out
 * in pieces.
 */
export class LogDemux {
  #rest: Buffer = Buffer.alloc(0);
  readonly #partial = new Map<Stream, Partial>();

  push(chunk: Buffer): LogEntry[] {
    const all = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const entries: LogEntry[] = [];
    let at = 0;
    while (all.length - at >= headerBytes) {
      const length = all.readUInt32BE(at + 4);
      if (length > maxFrameBytes) throw new Error(`a log frame of ${length} bytes: not a log of the engine`);
      const end = at + headerBytes + length;
      if (all.length < end) break;
      const stream: Stream = all[at] === 2 ? 'stderr' : 'stdout';
      this.#take(stream, all, { from: at + headerBytes, end }, entries);
      at = end;
    }
    this.#rest = all.subarray(at);
    return entries;
  }

  /** What is left of unfinished lines, when the log ends. */
  end(): LogEntry[] {
    const entries = [...this.#partial].map(([stream, partial]) => finish(stream, partial));
    this.#partial.clear();
    return entries;
  }

  #take(
    stream: Stream,
    all: Buffer,
    { from, end }: { readonly from: number; readonly end: number },
    entries: LogEntry[],
  ): void {
    const stamped = spaceOf(all, from, end);
    if (stamped < 0) return;
    const ended = end - 1 > stamped && all[end - 1] === lineEnd;
    const text = all.subarray(stamped + 1, ended ? end - 1 : end);
    const begun = this.#partial.get(stream);
    if (!begun && ended && text.length <= maxLineBytes) {
      // A whole line, as nearly all are.
      entries.push({ stream, timeNs: timeAt(all, from, stamped), line: text });
      return;
    }
    const partial = begun ?? { timeNs: timeAt(all, from, stamped), pieces: [], bytes: 0 };
    partial.pieces.push(text);
    partial.bytes += text.length;
    if (ended || partial.bytes >= maxLineBytes) {
      this.#partial.delete(stream);
      entries.push(...split(finish(stream, partial)));
    } else this.#partial.set(stream, partial);
  }
}

function finish(stream: Stream, { timeNs, pieces }: Partial): LogEntry {
  return { stream, timeNs, line: Buffer.concat(pieces) };
}

function split(entry: LogEntry): LogEntry[] {
  if (entry.line.length <= maxLineBytes) return [entry];
  const pieces: LogEntry[] = [];
  for (let at = 0; at < entry.line.length; at += maxLineBytes) {
    pieces.push({ ...entry, line: entry.line.subarray(at, at + maxLineBytes) });
  }
  return pieces;
}

/** Where the time stamp ends; -1 where there is none. */
function spaceOf(bytes: Buffer, from: number, end: number): number {
  if (from + timeBytes < end && bytes[from + timeBytes] === space) return from + timeBytes;
  const found = bytes.indexOf(space, from);
  return found < end ? found : -1;
}

/** The second that was parsed last, as it was written: thousands of lines have the same one. */
const lastSecond = { text: Buffer.alloc(20), ns: 0n };

/** The time stamp between the two places: that of the same second as the last one at a glance. */
function timeAt(bytes: Buffer, from: number, end: number): bigint {
  if (end - from !== timeBytes) return parseTimeNs(bytes.toString('latin1', from, end));
  const { text, ns } = lastSecond;
  for (let index = text.length - 1; index >= 0; index--) {
    if (bytes[from + index] !== text[index]) return parseAndKeep(bytes, from, end);
  }
  let fraction = 0;
  for (let index = from + text.length; index < end - 1; index++) {
    fraction = fraction * 10 + (bytes[index] as number) - digitZero;
  }
  return ns + BigInt(fraction);
}

function parseAndKeep(bytes: Buffer, from: number, end: number): bigint {
  const written = bytes.toString('latin1', from, end);
  const timeNs = parseTimeNs(written);
  if (/^\d+-\d+-\d+T\d+:\d+:\d+\.\d{9}Z$/.test(written)) {
    bytes.copy(lastSecond.text, 0, from, from + lastSecond.text.length);
    lastSecond.ns = timeNs - BigInt(Number(written.slice(20, 29)));
  }
  return timeNs;
}

/** Nanoseconds since 1970 of `2026-11-21T21:42:15.857717851Z`. */
export function parseTimeNs(text: string): bigint {
  const [, seconds = '', fraction = '', zone = 'Z'] =
    /^(\d+-\d+-\d+T\d+:\d+:\d+)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const ms = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(ms)) return 0n;
  const ns = BigInt(ms) * 1_000_000n;
  return ns + BigInt(fraction.padEnd(9, '0'));
}
