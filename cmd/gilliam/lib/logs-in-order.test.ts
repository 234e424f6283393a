import { type LogLine, LogLine_Stream } from '../../../pkg/gen/gilliam/v1/log_service';
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
    yield* batches;
  }
  const lines: LogLine[] = [];
  for await (const batch of logsInOrder(source(), maxHeld)) lines.push(...batch);
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
