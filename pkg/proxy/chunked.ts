import { parseField } from './head';
import { Refusal } from './refusal';

const maxLineBytes = 4096;
const maxTrailerBytes = 16 * 1024;
/** Sizes of 15 hexadecimal digits would not be exact any more. */
const sizeLine = /^([0-9A-Fa-f]{1,12})[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?$/;
/** Fields that decide where a message ends, where it goes or who sent it: never read after the body (RFC 9110, 6.5.1). */
const noTrailer = new Set([
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const lf = 10;
const cr = 13;

/**
 * Follows a chunked body through pieces of it, so that it can be passed on as it is, and checks that nobody could
 * understand it differently: sizes are plain hexadecimal, lines end in CR LF, and data are as long as said.
 */
export class ChunkedBody {
  done = false;
  #state: 'size' | 'data' | 'data end' | 'trailer' = 'size';
  #left = 0;
  /** A line that has begun in an earlier piece. */
  #line = '';
  #trailerBytes = 0;

  /**
   * @param status what a refusal has: 400 for requests, 502 for responses
   * @param onData is given the payload, without the framing
   */
  constructor(
    private readonly status: number,
    private readonly onData?: (data: Buffer) => void,
  ) {}

  /** How many bytes from `offset` on belong to the body: all of them, unless it ends among them. @throws {Refusal} */
  take(buffer: Buffer, offset: number): number {
    let at = offset;
    while (at < buffer.length && !this.done) {
      if (this.#state === 'data') {
        const end = Math.min(buffer.length, at + this.#left);
        this.onData?.(buffer.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = 'data end';
      } else {
        at = this.#readLine(buffer, at);
      }
    }
    return at - offset;
  }

  #readLine(buffer: Buffer, at: number): number {
    const newline = buffer.indexOf(lf, at);
    const end = newline < 0 ? buffer.length : newline + 1;
    if (this.#line.length + end - at > (this.#state === 'trailer' ? maxTrailerBytes : maxLineBytes)) {
      throw new Refusal(this.status, 'a line of the chunked body is too long');
    }
    this.#line += buffer.toString('latin1', at, end);
    if (newline < 0) return end;
    const line = this.#line;
    this.#line = '';
    if (line.charCodeAt(line.length - 2) !== cr) {
      throw new Refusal(this.status, 'a line of the chunked body does not end in CR LF');
    }
    this.#takeLine(line.slice(0, -2));
    return end;
  }

  #takeLine(line: string): void {
    if (this.#state === 'data end') {
      if (line !== '') throw new Refusal(this.status, 'a chunk is longer than it says');
      this.#state = 'size';
    } else if (this.#state === 'size') {
      const size = sizeLine.exec(line);
      if (!size) throw new Refusal(this.status, 'the size of a chunk is no hexadecimal number');
      this.#left = parseInt(size[1] as string, 16);
      this.#state = this.#left > 0 ? 'data' : 'trailer';
    } else if (line === '') {
      this.done = true;
    } else {
      this.#trailerBytes += line.length;
      if (this.#trailerBytes > maxTrailerBytes) throw new Refusal(this.status, 'the trailers are too long');
      const { key, name } = parseField(line, this.status, 'trailer');
      if (noTrailer.has(key))
        throw new Refusal(this.status, `the field "${name}" is not allowed as a trailer`);
    }
  }
}
