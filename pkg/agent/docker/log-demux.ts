import type { LogEntry } from '../driver';

const headerBytes = 8;
/** No message of the engine is longer; a length beyond it means that the stream is not what it should be. */
const maxFrameBytes = 4 * 1024 * 1024;
const maxLineBytes = 64 * 1024;

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
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const entries: LogEntry[] = [];
    for (;;) {
      if (this.#rest.length < headerBytes) return entries;
      const length = this.#rest.readUInt32BE(4);
      if (length > maxFrameBytes) throw new Error(`a log frame of ${length} bytes: not a log of the engine`);
      if (this.#rest.length < headerBytes + length) return entries;
      const stream: Stream = this.#rest[0] === 2 ? 'stderr' : 'stdout';
      this.#take(stream, this.#rest.subarray(headerBytes, headerBytes + length), entries);
      this.#rest = this.#rest.subarray(headerBytes + length);
    }
  }

  /** What is left of unfinished lines, when the log ends. */
  end(): LogEntry[] {
    const entries = [...this.#partial].map(([stream, partial]) => finish(stream, partial));
    this.#partial.clear();
    return entries;
  }

  #take(stream: Stream, frame: Buffer, entries: LogEntry[]): void {
    const space = frame.indexOf(0x20);
    if (space < 0) return;
    const ended = frame.at(-1) === 0x0a;
    const text = frame.subarray(space + 1, ended ? -1 : undefined);
    const partial = this.#partial.get(stream) ?? {
      timeNs: parseTimeNs(frame.toString('latin1', 0, space)),
      pieces: [],
      bytes: 0,
    };
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

/** The second that was parsed last: thousands of lines have the same one. */
let lastSecond = { text: '', ns: 0n };

/** Nanoseconds since 1970 of `2026-11-21T21:42:15.857717851Z`. */
export function parseTimeNs(text: string): bigint {
  // The form in which the engine writes them, nearly always.
  const second = text.slice(0, 19);
  if (text.length === 30 && text[19] === '.' && text[29] === 'Z' && second === lastSecond.text) {
    return lastSecond.ns + BigInt(Number(text.slice(20, 29)));
  }
  const [, seconds = '', fraction = '', zone = 'Z'] =
    /^(\d+-\d+-\d+T\d+:\d+:\d+)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const ms = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(ms)) return 0n;
  const ns = BigInt(ms) * 1_000_000n;
  if (zone === 'Z') lastSecond = { text: second, ns };
  return ns + BigInt(fraction.padEnd(9, '0'));
}
