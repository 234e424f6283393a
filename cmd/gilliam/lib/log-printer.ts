import { createColors } from 'picocolors';
import { type LogChunk, type LogLine, LogLine_Stream } from '../../../pkg/gen/gilliam/v1/log_service';
import { linesOf, type LogBatch } from '../../../pkg/resource/log-chunk';
import type { Output } from '../context';

const palette = [
  'cyan',
  'yellow',
  'green',
  'magenta',
  'blue',
  'cyanBright',
  'yellowBright',
  'magentaBright',
] as const;

const lineEnd = 0x0a;
/** Of so many a piece is made, whose size is bounded by that of a line. */
const linesAtOnce = 4096;

/** Prints log lines as they come: `web.1 | line`, each instance in a colour of its own, or JSON objects. */
export class LogPrinter {
  readonly #output: Output;
  readonly #options: { readonly json: boolean; readonly timestamps: boolean };
  readonly #prefixes = new Map<string, Buffer>();
  #width = 0;

  constructor(output: Output, options: { readonly json: boolean; readonly timestamps: boolean }) {
    this.#output = output;
    this.#options = options;
  }

  print(batch: LogBatch): void {
    if (batch.chunk && !this.#options.json && !this.#options.timestamps) {
      return this.#output.write(this.#packed(batch.chunk));
    }
    const lines = linesOf(batch);
    if (lines.length === 0) return;
    if (this.#options.json) {
      return this.#output.write(lines.map((line) => `${JSON.stringify(asJson(line))}\n`).join(''));
    }
    // Lines are written as they were printed, UTF-8 or not; together, since each write costs as much as many lines.
    for (let from = 0; from < lines.length; from += linesAtOnce) {
      this.#output.write(this.#joined(lines.slice(from, from + linesAtOnce)));
    }
  }

  /** As they are, each behind the name of its instance. */
  #packed({ instance, text, lengths }: LogChunk): Buffer {
    const head = this.#prefix(instance);
    const out = Buffer.allocUnsafe(text.length + lengths.length * (head.length + 1));
    let from = 0;
    let at = 0;
    for (const length of lengths) {
      out.set(head, at);
      at += head.length;
      text.copy(out, at, from, from + length);
      at += length;
      from += length;
      out[at++] = lineEnd;
    }
    return out;
  }

  #joined(lines: readonly LogLine[]): Buffer {
    const heads = lines.map((line) => this.#head(line));
    const bytes = lines.reduce(
      (sum, { line }, index) => sum + line.length + (heads[index] as Buffer).length + 1,
      0,
    );
    const out = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const [index, { line }] of lines.entries()) {
      for (const piece of [heads[index] as Buffer, line]) {
        out.set(piece, at);
        at += piece.length;
      }
      out[at++] = lineEnd;
    }
    return out;
  }

  #head({ instance, time }: LogLine): Buffer {
    const prefix = this.#prefix(instance);
    if (!this.#options.timestamps) return prefix;
    return Buffer.concat([prefix, Buffer.from(`${time?.toISOString() ?? '-'} `)]);
  }

  #prefix(instance: string): Buffer {
    if (this.#output.isTerminal && instance.length > this.#width) {
      this.#width = instance.length;
      this.#prefixes.clear();
    }
    let prefix = this.#prefixes.get(instance);
    if (prefix === undefined) {
      prefix = Buffer.from(this.#textBefore(instance));
      this.#prefixes.set(instance, prefix);
    }
    return prefix;
  }

  #textBefore(instance: string): string {
    if (!this.#output.isTerminal) return `${instance} | `;
    const color = palette[hash(instance) % palette.length] ?? 'cyan';
    return createColors(this.#output.colors)[color](`${instance.padEnd(this.#width)} | `);
  }
}

function asJson({ instance, release, stream, time, line }: LogLine) {
  return {
    instance,
    release,
    stream: stream === LogLine_Stream.STDERR ? 'stderr' : 'stdout',
    time: time?.toISOString(),
    line: line.toString('utf8'),
  };
}

/** The same instance has the same colour in every run. */
function hash(text: string): number {
  let value = 0;
  for (const char of text) value = (value * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return value;
}
