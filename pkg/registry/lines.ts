import { StringDecoder } from 'node:string_decoder';

/** Puts chunks together to lines. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #rest: string[] = [];

  /** The lines that have ended with this chunk. */
  push(chunk: Buffer): readonly string[] {
    const text = this.#decoder.write(chunk);
    if (!text.includes('\n')) {
      this.#rest.push(text);
      return [];
    }
    const lines = (this.#rest.join('') + text).split('\n');
    this.#rest = [lines.pop() ?? ''];
    return lines.filter((line) => line !== '');
  }
}
