import { LogLine_Stream, type LogChunk, type LogLine } from '../gen/gilliam/v1/log_service';

/** Lines in one of their two forms: one message a line, or packed, which costs a third of the work. */
export interface LogBatch {
  readonly lines: readonly LogLine[];
  readonly chunk?: LogChunk | undefined;
}

/** The longest step that fits the field: 24 days. Time that jumps further seems to jump as far as that. */
const maxStepMs = 2 ** 31 - 1;

/** Puts lines of one instance into one message. */
export class LogPacker {
  readonly #chunk: LogChunk;
  readonly #lines: Uint8Array[] = [];
  #lastMs = 0;

  constructor(instance: string, release: string, container?: string) {
    this.#chunk = {
      ...{ instance, release, text: Buffer.alloc(0), lengths: [], stepsMs: [], stderrLines: [] },
      ...(container !== undefined && { container }),
    };
  }

  add(timeMs: number, isError: boolean, line: Uint8Array): void {
    const { lengths, stepsMs, stderrLines } = this.#chunk;
    if (lengths.length === 0) {
      this.#chunk.time = new Date(timeMs);
      this.#lastMs = timeMs;
    } else {
      const stepMs = Math.max(-maxStepMs, Math.min(maxStepMs, timeMs - this.#lastMs));
      stepsMs.push(stepMs);
      this.#lastMs += stepMs;
    }
    if (isError) stderrLines.push(lengths.length);
    lengths.push(line.length);
    this.#lines.push(line);
  }

  finish(): LogChunk {
    return { ...this.#chunk, text: Buffer.concat(this.#lines) };
  }
}

export function unpack({
  instance,
  release,
  text,
  lengths,
  time,
  stepsMs,
  stderrLines,
  container,
}: LogChunk): LogLine[] {
  const errors = new Set(stderrLines);
  let timeMs = time?.getTime() ?? 0;
  let from = 0;
  return lengths.map((length, index) => {
    if (index > 0) timeMs += stepsMs[index - 1] ?? 0;
    const line = text.subarray(from, from + length);
    from += length;
    const stream = errors.has(index) ? LogLine_Stream.STDERR : LogLine_Stream.STDOUT;
    return {
      ...{ instance, release, stream, time: new Date(timeMs), line },
      ...(container !== undefined && { container }),
    };
  });
}

export function linesOf({ lines, chunk }: LogBatch): readonly LogLine[] {
  return chunk ? unpack(chunk) : lines;
}

export function countOf({ lines, chunk }: LogBatch): number {
  return chunk ? chunk.lengths.length : lines.length;
}

/** The time of the last line, and how many of the last lines have it. */
export function lastMoment({ time, lengths, stepsMs }: LogChunk): {
  readonly timeMs: number;
  readonly count: number;
} {
  let timeMs = time?.getTime() ?? 0;
  let count = Math.min(1, lengths.length);
  for (const stepMs of stepsMs) {
    timeMs += stepMs;
    count = stepMs === 0 ? count + 1 : 1;
  }
  return { timeMs, count };
}
