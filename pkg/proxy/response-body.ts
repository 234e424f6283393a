import { bodyOf, type Body } from './body';
import { ChunkedBody } from './chunked';
import type { Framing } from './framing';

export interface BodySink {
  /** Sends text, data, or one after the other. */
  toCaller(text: string | undefined, data: Buffer | undefined): void;
}

/**
 * A response's body on its way to the caller, framed as the caller understands it: what ends with its connection is put
 * into chunks, so that its end is seen, and chunks are taken apart for HTTP/1.0.
 */
export class ResponseBody {
  /** Its end is the connection's. */
  readonly untilClose: boolean;
  /** The caller gets it in chunks. */
  readonly chunked: boolean;
  readonly #body: Body;
  readonly #reframed: 'to chunks' | 'from chunks' | undefined;

  constructor(
    framing: Framing,
    /** Of the caller's HTTP/1.x. */
    minor: 0 | 1,
    private readonly sink: BodySink,
  ) {
    this.untilClose = framing.kind === 'close';
    this.chunked = minor === 1 && (framing.kind === 'chunked' || framing.kind === 'close');
    if (framing.kind === 'close' && minor === 1) this.#reframed = 'to chunks';
    if (framing.kind === 'chunked' && minor === 0) this.#reframed = 'from chunks';
    this.#body =
      this.#reframed === 'from chunks'
        ? new ChunkedBody(502, (data) => sink.toCaller(undefined, data))
        : bodyOf(framing, 502);
  }

  get done(): boolean {
    return this.#body.done;
  }

  /**
   * Passes on what belongs to it. @param head the response's, where it is not sent yet
   * @returns where in the buffer that ends. @throws {Refusal} where its framing is broken
   */
  pass(buffer: Buffer, offset: number, head?: string): number {
    const nothing = this.#body.done || offset === buffer.length;
    // A head that is followed by data goes out together with them.
    const apart = nothing || this.#reframed !== undefined;
    if (head !== undefined && apart) this.sink.toCaller(head, undefined);
    if (nothing) return offset;
    const end = offset + this.#body.take(buffer, offset);
    if (this.#reframed === 'from chunks') return end;
    const data = offset === 0 && end === buffer.length ? buffer : buffer.subarray(offset, end);
    if (this.#reframed === 'to chunks') {
      this.sink.toCaller(`${data.length.toString(16)}\r\n`, data);
      this.sink.toCaller('\r\n', undefined);
    } else {
      this.sink.toCaller(head, data);
    }
    return end;
  }

  /** All of it has come. */
  end(): void {
    if (this.#reframed === 'to chunks') this.sink.toCaller('0\r\n\r\n', undefined);
  }
}
