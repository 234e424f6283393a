import { UnavailableError } from '../../base/errors';
import { Passage } from '../../base/passage';
import type { TerminalInput, TerminalOutput } from '../../gen/gilliam/v1/exec_service';
import { Pulse } from '../pulse';

/** Messages of up to 64 KiB that wait for a slow end, in each direction. */
const capacity = 4;

/** What lies between the call of a user and that of an executor: both ways hold little, and wait. */
export class TerminalRelay {
  readonly input = new Passage<TerminalInput>(capacity);
  readonly output = new Passage<TerminalOutput>(capacity);
  readonly #connected = new Pulse();
  readonly #left = new AbortController();
  #state: 'expected' | 'connected' | 'over' = 'expected';

  constructor(readonly executor: string) {}

  /** Aborted when the user is not there any more. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  get isConnected(): boolean {
    return this.#state !== 'expected';
  }

  /** The executor has called. */
  connect(): void {
    this.#state = 'connected';
    this.#connected.beat();
  }

  /** The executor has told how the command ended. */
  finish(): void {
    this.#state = 'over';
    this.output.end();
    this.input.close();
  }

  /** It will not come, or come no further: why. What came so far is still to be had. */
  fail(message: string): void {
    this.#state = 'over';
    this.output.end(new UnavailableError(message));
    this.input.close();
    this.#connected.beat();
  }

  /** The user is gone, or has all. */
  leave(): void {
    this.#left.abort();
    this.output.close();
    this.input.end();
  }
}
