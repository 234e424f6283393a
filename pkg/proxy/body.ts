import { ChunkedBody } from './chunked';
import type { Framing } from './framing';

/** Follows a body through pieces of it. */
export interface Body {
  readonly done: boolean;
  /** How many bytes from `offset` on belong to the body. @throws {Refusal} where its framing is broken */
  take(buffer: Buffer, offset: number): number;
}

class LengthBody implements Body {
  constructor(private left: number) {}

  get done(): boolean {
    return this.left === 0;
  }

  take(buffer: Buffer, offset: number): number {
    const taken = Math.min(this.left, buffer.length - offset);
    this.left -= taken;
    return taken;
  }
}

/** Ends with its connection: whoever reads that says so. */
class CloseBody implements Body {
  readonly done = false;

  take(buffer: Buffer, offset: number): number {
    return buffer.length - offset;
  }
}

const empty: Body = { done: true, take: () => 0 };

/** @param status what a refusal has: 400 for requests, 502 for responses */
export function bodyOf(framing: Framing, status: number): Body {
  switch (framing.kind) {
    case 'none':
      return empty;
    case 'length':
      return framing.bytes === 0 ? empty : new LengthBody(framing.bytes);
    case 'chunked':
      return new ChunkedBody(status);
    case 'close':
      return new CloseBody();
  }
}
