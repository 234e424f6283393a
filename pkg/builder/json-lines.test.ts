import fc from 'fast-check';
import { jsonLines } from './json-lines';
import { inChunks } from './testing';

async function all(chunks: AsyncIterable<Uint8Array>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of jsonLines(chunks)) values.push(value);
  return values;
}

describe('jsonLines', () => {
  it('reads the same however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ stream: fc.string({ unit: 'grapheme' }) })),
        fc.integer({ min: 1, max: 20 }),
        async (values, chunkBytes) => {
          const text = values.map((value) => `${JSON.stringify(value)}\r\n`).join('');
          expect(await all(inChunks(Buffer.from(text), chunkBytes))).toEqual(values);
        },
      ),
    );
  });

  it('reads a last line without an end, and leaves out what is cut off', async () => {
    expect(await all(inChunks(Buffer.from('{"a":1}\n\n{"b":2}')))).toEqual([{ a: 1 }, { b: 2 }]);
    expect(await all(inChunks(Buffer.from('{"a":1}\n{"b":')))).toEqual([{ a: 1 }]);
  });
});
