import { findHeadEnd, headEndBytes, parseRequestHead, type RequestHead } from './head';
import { Refusal } from './refusal';

/** Empty lines before a request that are overlooked: some clients end bodies with one. */
const maxEmptyLines = 2;

/** What a caller has sent and nobody has taken yet: a request's body, or the next request's head. */
export class RequestReader {
  #held: Buffer | undefined;
  /** No end of a head before here. */
  #searched = 0;

  constructor(private readonly headBytes: number) {}

  get held(): Buffer | undefined {
    return this.#held;
  }

  push(data: Buffer): void {
    this.#held = this.#held ? Buffer.concat([this.#held, data]) : data;
  }

  /** So many bytes of what is held have found their reader. */
  take(bytes: number): void {
    this.#held = bytes === this.#held?.length ? undefined : this.#held?.subarray(bytes);
  }

  /** All of it. */
  clear(): Buffer | undefined {
    const held = this.#held;
    this.#held = undefined;
    return held;
  }

  /** Takes the next head, when it is there. @throws {Refusal} where it is none, or too long */
  head(): RequestHead | undefined {
    let buffer = this.#held;
    if (!buffer) return undefined;
    for (let line = 0; line < maxEmptyLines && buffer[0] === 13 && buffer[1] === 10; line++)
      buffer = buffer.subarray(2);
    if (buffer.length === 0) {
      this.#held = undefined;
      return undefined;
    }
    const end = findHeadEnd(buffer, this.#searched, this.headBytes);
    if (end === undefined) {
      throw new Refusal(431, `the request's head is longer than ${this.headBytes} bytes`);
    }
    if (end < 0) {
      if (hasBareLf(buffer, this.#searched)) {
        throw new Refusal(400, 'a line of the head does not end in CR LF');
      }
      this.#searched = buffer.length;
      return undefined;
    }
    this.#searched = 0;
    const rest = end + headEndBytes;
    this.#held = rest === buffer.length ? undefined : buffer.subarray(rest);
    return parseRequestHead(buffer.toString('latin1', 0, end));
  }
}

/** A line feed without its carriage return: the head would never end. */
function hasBareLf(buffer: Buffer, from: number): boolean {
  for (let at = buffer.indexOf(10, from); at >= 0; at = buffer.indexOf(10, at + 1)) {
    if (at === 0 || buffer[at - 1] !== 13) return true;
  }
  return false;
}
