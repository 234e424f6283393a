import { type LogLine, LogLine_Stream } from '../../../pkg/gen/gilliam/v1/log_service';
import { linesOf, LogPacker } from '../../../pkg/resource/log-chunk';
import { logsInOrder } from './logs-in-order';

function line(instance: string, timeMs: number, text: string): LogLine {
  return {
    instance,
    release: 'v1',
    stream: LogLine_Stream.STDOUT,
    time: new Date(timeMs),
    line: Buffer.from(text),
  };
}

async function sorted(batches: readonly (readonly LogLine[])[], maxHeld?: number): Promise<string> {
  async function* source() {
    for (const lines of batches) yield { lines };
  }
  const lines: LogLine[] = [];
  for await (const batch of logsInOrder(source(), maxHeld)) lines.push(...linesOf(batch));
  return lines.map((each) => each.line.toString()).join('');
}

test('lines of several instances are put in the order of their times', async () => {
  const web = [line('web.1', 1, 'a'), line('web.1', 3, 'c'), line('web.1', 3, 'd')];
  const worker = [line('worker.1', 2, 'b'), line('worker.1', 4, 'e')];
  expect(await sorted([web, worker])).toBe('abcde');
});

test('lines of one instance stay as they came, even when its clock was set back', async () => {
  expect(await sorted([[line('web.1', 5, 'a'), line('web.1', 1, 'b')], [line('web.2', 3, 'x')]])).toBe('xab');
});

test('no more lines than allowed wait for others', async () => {
  const first = [line('web.1', 3, 'c'), line('web.1', 4, 'd')];
  expect(await sorted([first, [line('web.2', 1, 'a')]], 2)).toBe('cda');
});

test('packed lines are put in order, too; those of one instance stay packed', async () => {
  const chunkOf = (instance: string, ...times: number[]) => {
    const packer = new LogPacker(instance, 'v1');
    for (const timeMs of times) packer.add(timeMs, false, Buffer.from(String(timeMs)));
    return { lines: [], chunk: packer.finish() };
  };
  async function* of(...batches: ReturnType<typeof chunkOf>[]) {
    yield* batches;
  }
  const texts: string[] = [];
  for await (const batch of logsInOrder(of(chunkOf('web.1', 1, 3), chunkOf('web.2', 2)))) {
    texts.push(...linesOf(batch).map((each) => each.line.toString()));
  }
  expect(texts).toEqual(['1', '2', '3']);
  const only = chunkOf('web.1', 1, 3);
  for await (const batch of logsInOrder(of(only))) expect(batch).toBe(only);
});
