import { type LogChunk, type LogLine, LogLine_Stream } from '../../../pkg/gen/gilliam/v1/log_service';
import { LogPacker, unpack } from '../../../pkg/resource/log-chunk';
import type { Output } from '../context';
import { LogPrinter } from './log-printer';

function printed(
  lines: readonly LogLine[],
  options: { terminal?: boolean; colors?: boolean; json?: boolean; timestamps?: boolean } = {},
  chunk?: LogChunk,
): Buffer {
  const chunks: Buffer[] = [];
  const { terminal = false, colors = false, json = false, timestamps = false } = options;
  const output: Output = {
    write: (text) => void chunks.push(Buffer.from(text as string)),
    drained: () => Promise.resolve(),
    isTerminal: terminal,
    colors,
    columns: 80,
  };
  const printer = new LogPrinter(output, { json, timestamps });
  printer.print({ lines, chunk });
  return Buffer.concat(chunks);
}

function line(instance: string, bytes: string | Buffer): LogLine {
  const time = new Date(0);
  return { instance, release: 'v1', stream: LogLine_Stream.STDOUT, time, line: Buffer.from(bytes as string) };
}

test('for programs: a plain prefix', () => {
  const lines = [line('web.1', 'a'), line('worker.10', 'b')];
  expect(printed(lines).toString()).toBe('web.1 | a\nworker.10 | b\n');
  expect(printed(lines, { timestamps: true }).toString()).toMatch(/^web\.1 \| 1970-01-01T00:00:00\.000Z a\n/);
});

test('packed lines look as others do', () => {
  const packer = new LogPacker('web.1', 'v1');
  for (const text of ['a', '', 'c\u00e9']) packer.add(0, false, Buffer.from(text));
  const chunk = packer.finish();
  for (const options of [{}, { timestamps: true }, { json: true }, { terminal: true }]) {
    expect(printed([], options, chunk)).toEqual(printed(unpack(chunk), options));
  }
  expect(printed([], {}, chunk).toString()).toBe('web.1 | a\nweb.1 | \nweb.1 | c\u00e9\n');
});

test('for people: prefixes of one width, a colour for each instance', () => {
  const lines = [line('worker.1', 'a'), line('web.1', 'b')];
  expect(printed(lines, { terminal: true }).toString()).toBe('worker.1 | a\nweb.1    | b\n');
  const [first, second] = printed(lines, { terminal: true, colors: true }).toString().split('\n');
  expect(first).toMatch(/^\u001b\[\d+mworker\.1 \| \u001b\[39ma$/);
  expect(second?.slice(0, 5)).not.toBe(first?.slice(0, 5));
});

test('bytes come out as they were printed, UTF-8 or not', () => {
  const bytes = Buffer.from([0xff, 0x00, 0xc3]);
  expect(printed([line('web.1', bytes)]).subarray(8, -1)).toEqual(bytes);
});

test('JSON: one object a line', () => {
  const text = printed([line('web.1', 'a\u2028"')], { json: true }).toString();
  expect(JSON.parse(text)).toEqual({
    instance: 'web.1',
    release: 'v1',
    stream: 'stdout',
    time: '1970-01-01T00:00:00.000Z',
    line: 'a\u2028"',
  });
  expect(text.match(/\n/g)).toHaveLength(1);
});
