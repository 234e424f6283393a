import fc from 'fast-check';
import { LogChunk, LogLine_Stream, type LogLine } from '../gen/gilliam/v1/log_service';
import { countOf, lastMoment, linesOf, LogPacker, unpack } from './log-chunk';

const arbitraryLines = fc.array(
  fc.record({
    timeMs: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_020 }),
    isError: fc.boolean(),
    line: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  }),
  { minLength: 1, maxLength: 50 },
);

function pack(lines: readonly { timeMs: number; isError: boolean; line: Buffer }[]): LogChunk {
  const packer = new LogPacker('web.1', 'v1', 'c1');
  for (const { timeMs, isError, line } of lines) packer.add(timeMs, isError, line);
  // As it comes out of a message.
  return LogChunk.decode(LogChunk.encode(packer.finish()).finish());
}

test('what is unpacked is what was packed', () => {
  fc.assert(
    fc.property(arbitraryLines, (lines) => {
      const chunk = pack(lines);
      const expected: LogLine[] = lines.map(({ timeMs, isError, line }) => ({
        container: 'c1',
        ...{ instance: 'web.1', release: 'v1', time: new Date(timeMs), line },
        stream: isError ? LogLine_Stream.STDERR : LogLine_Stream.STDOUT,
      }));
      expect(unpack(chunk)).toEqual(expected);
      expect(linesOf({ lines: [], chunk })).toEqual(expected);
      expect(countOf({ lines: [], chunk })).toBe(lines.length);
      const last = lines.at(-1)?.timeMs;
      const others = lines.findLastIndex(({ timeMs }) => timeMs !== last);
      expect(lastMoment(chunk)).toEqual({ timeMs: last, count: lines.length - 1 - others });
    }),
  );
});

test('time that jumps by years is as near as the field allows, and the lines are whole', () => {
  const line = Buffer.from('x');
  const chunk = pack([
    { timeMs: 0, isError: false, line },
    { timeMs: 1_700_000_000_000, isError: false, line },
  ]);
  expect(unpack(chunk).map(({ line: each }) => each.toString())).toEqual(['x', 'x']);
});
