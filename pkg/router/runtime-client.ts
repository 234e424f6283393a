import { connect, type Socket } from 'node:net';
import type { Clock } from '../base/clock';
import { DeadlineError, UnavailableError, messageOf } from '../base/errors';

const answerMs = 10_000;
const prompt = '\n> ';
// The CLI reads no more than its buffer at a time, and answers in order.
const pipelined = 64;

interface Waiting {
  readonly resolve: (answer: string) => void;
  readonly reject: (error: Error) => void;
}

/** HAProxy's runtime API: one connection, kept; commands are answered in their order. */
export class RuntimeClient {
  #socket: Socket | undefined;
  /** Of whoever asks first: others wait for the same. */
  #opening: Promise<Socket> | undefined;
  #received = '';
  #waiting: Waiting[] = [];

  constructor(
    private readonly path: string,
    private readonly clock: Clock,
  ) {}

  /** Sends commands; answers with their answers. Rejects with UnavailableError when the connection ends before. */
  async send(commands: readonly string[]): Promise<string[]> {
    const answers: string[] = [];
    for (let at = 0; at < commands.length; at += pipelined) {
      const batch = commands.slice(at, at + pipelined);
      const socket = await (this.#opening ??= this.#open());
      if (this.#socket !== socket) throw new UnavailableError('the connection to HAProxy was closed');
      const timer = this.clock.after(answerMs, () =>
        this.#fail(new DeadlineError(`HAProxy has not answered within ${answerMs} ms`)),
      );
      try {
        const sent = batch.map(() => this.#next());
        socket.write(batch.map((command) => `${command}\n`).join(''));
        answers.push(...(await Promise.all(sent)));
      } finally {
        timer.dispose();
      }
    }
    return answers;
  }

  async ask(command: string): Promise<string> {
    const [answer] = await this.send([command]);
    return answer ?? '';
  }

  close(): void {
    this.#fail(new UnavailableError('the connection to HAProxy was closed'));
  }

  async #open(): Promise<Socket> {
    const socket = connect(this.path);
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#receive(socket, text));
    socket.on('error', (error) =>
      this.#fail(
        new UnavailableError(`HAProxy does not answer: ${messageOf(error)}`, { cause: error }),
        socket,
      ),
    );
    socket.on('close', () => this.#fail(new UnavailableError('HAProxy has closed the connection'), socket));
    const ready = this.#next();
    socket.write('prompt\n');
    await ready;
    return socket;
  }

  #next(): Promise<string> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #receive(socket: Socket, text: string): void {
    if (this.#socket !== socket) return;
    this.#received += text;
    for (;;) {
      const end = this.#received.indexOf(prompt);
      if (end < 0) return;
      const answer = this.#received.slice(0, end);
      this.#received = this.#received.slice(end + prompt.length);
      this.#waiting.shift()?.resolve(answer.trim());
    }
  }

  /** Ends the connection, or the one given where that is still the one. */
  #fail(error: Error, of = this.#socket): void {
    if (this.#socket !== of) return;
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#opening = undefined;
    this.#received = '';
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** One command on a connection of its own, answered to its end: the master's CLI is asked so. */
export function askOnce(path: string, command: string, clock: Clock): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(path);
    const timer = clock.after(answerMs, () => socket.destroy(new Error(`no answer within ${answerMs} ms`)));
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.end(`${command}\n`));
    socket.on('data', (text: string) => (answer += text));
    socket.on('error', (error) => {
      timer.dispose();
      reject(new UnavailableError(`HAProxy's master does not answer: ${messageOf(error)}`, { cause: error }));
    });
    socket.on('close', () => {
      timer.dispose();
      resolve(answer.trim());
    });
  });
}
