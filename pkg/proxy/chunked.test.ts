import * as fc from 'fast-check';
import { ChunkedBody } from './chunked';
import { Refusal } from './refusal';

const chunk = fc.record({
  data: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  extension: fc.constantFrom('', ';a', ' ;a=b', ';a="b c"'),
  padding: fc.constantFrom('', '0', '000'),
});
const trailers = fc.constantFrom('', 'X: 1\r\n', 'X: 1\r\nGrpc-Status: 0\r\n');

/** Gives the body in pieces that end at the given places. */
function feed(bytes: Buffer, cuts: readonly number[]): { taken: number; done: boolean; data: Buffer } {
  const data: Buffer[] = [];
  const body = new ChunkedBody(400, (piece) => data.push(Buffer.from(piece)));
  const ends = [...new Set([...cuts.map((cut) => cut % bytes.length), bytes.length])].sort((a, b) => a - b);
  let at = 0;
  for (const end of ends) {
    while (at < end && !body.done) at += body.take(bytes.subarray(0, end), at);
  }
  return { taken: at, done: body.done, data: Buffer.concat(data) };
}

describe('a chunked body', () => {
  it('ends where it ends, and has the data that it has, however it is cut into pieces', () => {
    fc.assert(
      fc.property(
        fc.array(chunk, { maxLength: 8 }),
        trailers,
        fc.array(fc.nat(), { maxLength: 10 }),
        (chunks, trailer, cuts) => {
          const parts = chunks.flatMap(({ data, extension, padding }) => [
            Buffer.from(`${padding}${data.length.toString(16)}${extension}\r\n`),
            Buffer.from(data),
            Buffer.from('\r\n'),
          ]);
          const body = Buffer.concat([...parts, Buffer.from(`0\r\n${trailer}\r\n`)]);
          const fed = feed(Buffer.concat([body, Buffer.from('GET / HTTP/1.1\r\n')]), cuts);
          expect(fed.done).toBe(true);
          expect(fed.taken).toBe(body.length);
          expect(fed.data.equals(Buffer.concat(chunks.map(({ data }) => data)))).toBe(true);
        },
      ),
    );
  });

  it('of noise is refused, or not complete, or ends in an empty line', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-3a;\r\n x:]{1,30}$/), (text) => {
        const bytes = Buffer.from(text, 'latin1');
        try {
          const { taken, done } = feed(bytes, []);
          if (done) expect(text.slice(0, taken)).toMatch(/0[ \t]*(;[^\r\n]*)?\r\n([^]*\r\n)?\r\n$/);
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
