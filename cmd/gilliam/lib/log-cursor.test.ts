import fc from 'fast-check';
import { LogLine_Stream, type LogLine } from '../../../pkg/gen/gilliam/v1/log_service';
import { linesOf, LogPacker, type LogBatch } from '../../../pkg/resource/log-chunk';
import { LogCursor } from './log-cursor';

interface Printed {
  readonly instance: string;
  readonly timeMs: number;
  readonly text: string;
  readonly release?: string;
  readonly container?: string;
}

function asLines(printed: readonly Printed[]): LogBatch {
  return {
    lines: printed.map(({ instance, timeMs, text, release = 'v1', container }): LogLine => ({
      ...{ instance, release, stream: LogLine_Stream.STDOUT },
      ...{ time: new Date(timeMs), line: Buffer.from(text), container },
    })),
  };
}

/** As executors send them: each batch is of one instance. */
function asChunks(printed: readonly Printed[]): LogBatch[] {
  const packers = new Map<string, LogPacker>();
  for (const { instance, timeMs, text } of printed) {
    const packer = packers.get(instance) ?? new LogPacker(instance, 'v1');
    packers.set(instance, packer);
    packer.add(timeMs, false, Buffer.from(text));
  }
  return [...packers.values()].map((packer) => ({ lines: [], chunk: packer.finish() }));
}

// Many lines in the same millisecond, as there are.
const arbitraryLog = fc
  .array(fc.record({ instance: fc.constantFrom('web.1', 'web.2'), stepMs: fc.nat({ max: 2 }) }), {
    maxLength: 40,
  })
  .map((steps) => {
    let timeMs = 1_000;
    return steps.map(({ instance, stepMs }, index): Printed => {
      timeMs += stepMs;
      return { instance, timeMs, text: String(index) };
    });
  });

test('wherever reading breaks off, however often: no line is missing, and none comes twice', () => {
  fc.assert(
    fc.property(
      arbitraryLog,
      fc.array(fc.nat({ max: 40 }), { maxLength: 3 }),
      fc.boolean(),
      (log, breaks, packed) => {
        const cursor = new LogCursor(1_000);
        const read: string[] = [];
        let sinceMs = 0;
        for (const at of [...breaks.toSorted((a, b) => a - b), log.length]) {
          const sent = log.slice(0, at).filter(({ timeMs }) => timeMs >= sinceMs);
          for (const batch of packed ? asChunks(sent) : [asLines(sent)]) {
            read.push(...linesOf(cursor.fresh(batch)).map(({ line }) => line.toString()));
          }
          sinceMs = cursor.resume().getTime();
        }
        expect(read.toSorted()).toEqual(log.map(({ text }) => text).toSorted());
      },
    ),
  );
});

test('after a break the lines of one that has ended come after those of the next one of its name, and not twice', () => {
  const cursor = new LogCursor(1_000);
  const ended = { instance: 'web.1', timeMs: 1_001, text: 'of v1' };
  const next = { instance: 'web.1', timeMs: 1_002, text: 'of v2', release: 'v2' };
  const textOf = (batch: LogBatch) => linesOf(batch).map(({ line }) => line.toString());
  for (const line of [ended, next]) expect(textOf(cursor.fresh(asLines([line])))).toEqual([line.text]);
  cursor.resume();
  const news = { ...next, timeMs: 1_003, text: 'news of v2' };
  expect(textOf(cursor.fresh(asLines([next, news])))).toEqual(['news of v2']);
  // What has ended is read beside what lives, and comes when it comes.
  expect(textOf(cursor.fresh(asLines([ended])))).toEqual([]);
});

test('after a break the lines of a container that is gone are not shown again behind those of the next', () => {
  const cursor = new LogCursor(1_000);
  const textOf = (batch: LogBatch) => linesOf(batch).map(({ line }) => line.toString());
  const before = { instance: 'web.1', timeMs: 1_001, text: 'before', container: 'c1' };
  const after = { ...before, timeMs: 1_002, text: 'after', container: 'c2' };
  for (const line of [before, after]) expect(textOf(cursor.fresh(asLines([line])))).toEqual([line.text]);
  cursor.resume();
  // What lives is read beside what is gone, and may come first.
  const news = { ...after, timeMs: 1_003, text: 'news' };
  expect(textOf(cursor.fresh(asLines([after, news])))).toEqual(['news']);
  const late = { ...before, timeMs: 1_002, text: 'late' };
  expect(textOf(cursor.fresh(asLines([before, late])))).toEqual(['late']);
});

test('what others have printed before reading began is not shown for a break', () => {
  const cursor = new LogCursor(1_000);
  cursor.fresh(asLines([{ instance: 'web.1', timeMs: 10, text: 'quiet since' }]));
  expect(cursor.resume()).toEqual(new Date(10));
  const old = { instance: 'web.9', timeMs: 500, text: 'gone before' };
  const late = { instance: 'web.2', timeMs: 1_500, text: 'new' };
  const texts = linesOf(cursor.fresh(asLines([old, late]))).map(({ line }) => line.toString());
  expect(texts).toEqual(['new']);
});
