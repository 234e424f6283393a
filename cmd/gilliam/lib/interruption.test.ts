import { EventEmitter } from 'node:events';
import { interruption, type Interruptible } from './interruption';

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): never {
    this.exits.push(code);
    return undefined as never;
  }
}

let fake: FakeProcess;
let signal: AbortSignal;
beforeEach(() => {
  fake = new FakeProcess();
  signal = interruption(fake as unknown as Interruptible);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('the first %s asks to end', (name) => {
  fake.emit(name);
  expect((signal.reason as Error).message).toBe(name);
  expect(fake.exits).toEqual([]);
});

test.each([
  ['SIGINT', 'SIGINT', 130],
  ['SIGINT', 'SIGTERM', 143],
  ['SIGTERM', 'SIGHUP', 129],
])('after %s, %s ends the process by its exit, which restores the terminal: %i', (first, second, code) => {
  fake.emit(first);
  fake.emit(second);
  expect((signal.reason as Error).message).toBe(first);
  expect(fake.exits).toEqual([code]);
});
