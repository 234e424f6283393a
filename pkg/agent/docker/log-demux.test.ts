import fc from 'fast-check';
import { LogDemux, parseTimeNs } from './log-demux';

function frame(stream: 1 | 2, text: string | Buffer, time = '2026-11-21T21:42:15.857717851Z'): Buffer {
  const body = Buffer.concat([Buffer.from(`${time} `), Buffer.from(text)]);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

test('lines with their stream and time', () => {
  const demux = new LogDemux();
  const entries = demux.push(Buffer.concat([frame(1, 'out\n'), frame(2, 'err\n'), frame(1, '\n')]));
  const timeNs = 1_795_297_335_857_717_851n;
  expect(entries).toEqual([
    { stream: 'stdout', timeNs, line: Buffer.from('out') },
    { stream: 'stderr', timeNs, line: Buffer.from('err') },
    { stream: 'stdout', timeNs, line: Buffer.from('') },
  ]);
});

test('a long line that the engine cut in pieces is one line, with its first time', () => {
  const demux = new LogDemux();
  expect(demux.push(frame(1, 'a'.repeat(16_384), '2026-01-01T00:00:00Z'))).toEqual([]);
  expect(demux.push(frame(2, 'between\n'))).toHaveLength(1);
  const [entry] = demux.push(frame(1, 'b\n', '2026-01-01T00:00:01Z'));
  expect(entry?.line.toString()).toBe(`${'a'.repeat(16_384)}b`);
  expect(entry?.timeNs).toBe(parseTimeNs('2026-01-01T00:00:00Z'));
});

test('a line without an end is bounded, and comes out when the log ends', () => {
  const demux = new LogDemux();
  const pieces = Array.from({ length: 9 }, () => demux.push(frame(1, 'x'.repeat(16_384)))).flat();
  expect(pieces.map(({ line }) => line.length)).toEqual([65_536, 65_536]);
  expect(demux.end().map(({ line }) => line.length)).toEqual([16_384]);
});

test('a stream that is no log is refused before it fills the memory', () => {
  expect(() => new LogDemux().push(Buffer.from('HTTP/1.1 200 OK\r\n'))).toThrow(/not a log/);
});

test('however the bytes are cut, the lines are the same', () => {
  const line = fc.record({ stream: fc.constantFrom<1 | 2>(1, 2), text: fc.uint8Array({ maxLength: 50 }) });
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 40 })),
      (lines, cuts) => {
        const all = Buffer.concat(
          lines.map(({ stream, text }) => frame(stream, Buffer.concat([text, Buffer.from('\n')]))),
        );
        const whole = new LogDemux().push(all);
        const demux = new LogDemux();
        const pieces = [];
        let at = 0;
        for (const cut of cuts) {
          pieces.push(...demux.push(all.subarray(at, at + cut)));
          at += cut;
        }
        pieces.push(...demux.push(all.subarray(at)));
        expect(pieces).toEqual(whole);
        expect(whole).toHaveLength(lines.length);
      },
    ),
  );
});
