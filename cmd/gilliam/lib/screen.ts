import type { Output } from '../context';

/** Lines that are shown again and again: in place on a terminal, elsewhere one list after another, a blank line between. */
export class Screen {
  readonly #output: Output;
  #shown = 0;
  #first = true;

  constructor(output: Output) {
    this.#output = output;
  }

  show(lines: readonly string[]): void {
    if (this.#output.isTerminal) {
      const up = this.#shown > 0 ? `\u001b[${this.#shown}A` : '';
      this.#output.write(`${up}\r\u001b[J${lines.map((line) => `${line}\n`).join('')}`);
      this.#shown = lines.reduce((rows, line) => rows + this.#rows(line), 0);
    } else {
      this.#output.write(`${this.#first ? '' : '\n'}${lines.map((line) => `${line}\n`).join('')}`);
    }
    this.#first = false;
  }

  /** How many rows of the terminal the line takes. */
  #rows(line: string): number {
    const width = [...line.replace(/\u001b\[\d+m/g, '')].length;
    return Math.max(1, Math.ceil(width / this.#output.columns));
  }
}
