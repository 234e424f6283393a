import type { Disposable } from '../../../pkg/base/disposable';
import { UnavailableError } from '../../../pkg/base/errors';
import { Passage } from '../../../pkg/base/passage';
import {
  TerminalInput,
  type TerminalExit,
  type TerminalOutput,
} from '../../../pkg/gen/gilliam/v1/exec_service';
import type { Context } from '../context';

const maxPieceBytes = 64 * 1024;

export interface Conversation {
  readonly tty: boolean;
  /** Makes the call: what is typed goes in, what is printed comes out. Undefined says that the command is about to run. */
  open(input: AsyncIterable<TerminalInput>, signal: AbortSignal): AsyncIterable<TerminalOutput | undefined>;
  /** Takes what is printed. */
  print(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void>;
}

/**
 * Talks with a command elsewhere until it has ended. Signals are passed on to it; a second one ends this process, and
 * with that the command. Whatever happens, the terminal is as it was before.
 */
export async function converse(context: Context, conversation: Conversation): Promise<TerminalExit> {
  const { stdin, signal } = context;
  const over = new AbortController();
  const input = new Passage<TerminalInput>(4);
  const put = (message: NonNullable<TerminalInput['input']>) =>
    input.put(TerminalInput.fromPartial({ input: message }));
  const held: Disposable[] = [];
  let raw: Disposable | undefined;
  const onSignal = () => {
    // Keys of a terminal come as they are: a signal comes from elsewhere, and means us.
    if (conversation.tty) return over.abort(signal.reason);
    void put({ $case: 'signal', value: (signal.reason as Error).message });
  };
  if (signal.aborted) onSignal();
  signal.addEventListener('abort', onSignal, { once: true });
  if (conversation.tty) {
    held.push(stdin.onResize(() => stdin.size && void put({ $case: 'size', value: stdin.size })));
  }
  const typing = type(stdin.read(over.signal), put);
  typing.catch(() => {});
  let exit: TerminalExit | undefined;
  try {
    for await (const part of conversation.open(input.take(over.signal), over.signal)) {
      if (conversation.tty) raw ??= stdin.raw();
      const output = part?.output;
      if (output?.$case === 'exit') exit = output.value;
      else if (output) await conversation.print(output.$case, output.value);
    }
  } finally {
    raw?.dispose();
    for (const each of held) each.dispose();
    signal.removeEventListener('abort', onSignal);
    input.close();
    over.abort();
  }
  if (!exit)
    throw new UnavailableError('the call ended before the command did: what became of it is not known');
  return exit;
}

async function type(
  pieces: AsyncIterable<Uint8Array>,
  put: (message: NonNullable<TerminalInput['input']>) => Promise<boolean>,
): Promise<void> {
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += maxPieceBytes) {
      const value = Buffer.from(piece.subarray(at, at + maxPieceBytes));
      if (!(await put({ $case: 'stdin', value }))) return;
    }
  }
  await put({ $case: 'stdinEnd', value: true });
}
