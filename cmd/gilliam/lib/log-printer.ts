import { createColors } from 'picocolors';
import { type LogLine, LogLine_Stream } from '../../../pkg/gen/gilliam/v1/log_service';
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

/** Prints log lines as they come: `web.1 | line`, each instance in a colour of its own, or JSON objects. */
export class LogPrinter {
  readonly #output: Output;
  readonly #options: { readonly json: boolean; readonly timestamps: boolean };
  readonly #prefixes = new Map<string, string>();
  #width = 0;

  constructor(output: Output, options: { readonly json: boolean; readonly timestamps: boolean }) {
    this.#output = output;
    this.#options = options;
  }

  print(line: LogLine): void {
    if (this.#options.json) return this.#output.write(`${JSON.stringify(asJson(line))}\n`);
    const time = this.#options.timestamps ? `${line.time?.toISOString() ?? '-'} ` : '';
    // The line is written as it was printed, UTF-8 or not.
    this.#output.write(
      Buffer.concat([Buffer.from(`${this.#prefix(line.instance)}${time}`), line.line, Buffer.from('\n')]),
    );
  }

  #prefix(instance: string): string {
    if (!this.#output.isTerminal) return `${instance} | `;
    if (instance.length > this.#width) {
      this.#width = instance.length;
      this.#prefixes.clear();
    }
    let prefix = this.#prefixes.get(instance);
    if (prefix === undefined) {
      const color = palette[hash(instance) % palette.length] ?? 'cyan';
      prefix = createColors(this.#output.colors)[color](`${instance.padEnd(this.#width)} | `);
      this.#prefixes.set(instance, prefix);
    }
    return prefix;
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
