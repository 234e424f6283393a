import { InvalidError } from '../../base/errors';
import type { TerminalInput } from '../../gen/gilliam/v1/exec_service';
import type { TerminalRelay } from './terminal-relay';

const maxPieceBytes = 64 * 1024;

/** A request of Run or Exec: `start` first, then input. */
export interface TerminalRequest<Start> {
  message?: { $case: 'start'; value: Start } | { $case: 'input'; value: TerminalInput } | undefined;
}

/** The first message. Throws InvalidError for any but `start`. */
export async function readStart<Start>(requests: AsyncIterator<TerminalRequest<Start>>): Promise<Start> {
  const first = await requests.next();
  const message = first.done ? undefined : first.value.message;
  if (message?.$case === 'start') return message.value;
  throw new InvalidError('the first message has to be start');
}

/** Brings what the user types to the relay, no faster than the command takes it. Throws InvalidError. */
export async function giveInput<Start>(
  requests: AsyncIterator<TerminalRequest<Start>>,
  relay: TerminalRelay,
): Promise<void> {
  for (let next = await requests.next(); !next.done; next = await requests.next()) {
    const { message } = next.value;
    if (message?.$case !== 'input') throw new InvalidError('after start comes input only');
    const { input } = message.value;
    if (input?.$case === 'stdin' && input.value.length > maxPieceBytes) {
      throw new InvalidError(
        `a piece of stdin has ${input.value.length} bytes: the limit is ${maxPieceBytes}`,
      );
    }
    if (!(await relay.input.put(message.value))) return;
  }
  // The caller has closed its half of the call: it types nothing more.
  await relay.input.put({ input: { $case: 'stdinEnd', value: true } });
}
