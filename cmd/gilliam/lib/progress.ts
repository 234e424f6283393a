import type { Clock } from '../../../pkg/base/clock';
import type { Disposable } from '../../../pkg/base/disposable';
import type { Output } from '../context';
import { every } from './every';

const frames = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];
const frameMs = 100;

/** One line that says what is waited for, redrawn in place. For people only: elsewhere it prints nothing. */
export class Progress implements Disposable {
  readonly #output: Output;
  readonly #clock: Clock;
  #text = '';
  #frame = 0;
  #timer: Disposable | undefined;

  constructor(output: Output, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  update(text: string): void {
    this.#text = text;
    if (!this.#output.isTerminal) return;
    this.#timer ??= every(this.#clock, frameMs, () => {
      this.#frame += 1;
      this.#draw();
    });
    this.#draw();
  }

  dispose(): void {
    if (!this.#timer) return;
    this.#timer.dispose();
    this.#timer = undefined;
    this.#output.write('\r\u001b[2K');
  }

  #draw(): void {
    const room = Math.max(0, this.#output.columns - 3);
    const text = this.#text.length > room ? `${this.#text.slice(0, room - 1)}…` : this.#text;
    this.#output.write(`\r\u001b[2K${frames[this.#frame % frames.length]} ${text}`);
  }
}
