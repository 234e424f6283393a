import { CancelledError, NotFoundError } from '../../base/errors';
import type { AttachRequest, AttachResponse } from '../../gen/gilliam/v1/session_service';
import type { CallContext } from '../call';
import type { TerminalBroker } from './terminal-broker';
import type { TerminalRelay } from './terminal-relay';

/** An executor's call: what its command prints comes in, what the user types goes out. */
export async function* attach(
  broker: TerminalBroker,
  requests: AsyncIterable<AttachRequest>,
  call: CallContext,
): AsyncGenerator<AttachResponse> {
  const iterator = requests[Symbol.asyncIterator]();
  const first = await iterator.next();
  const message = first.done ? undefined : first.value.message;
  const relay = message?.$case === 'stream' ? broker.connect(message.value) : undefined;
  if (!relay) {
    throw new NotFoundError('nobody waits for this terminal: it was never asked for, or is over');
  }
  const over = new AbortController();
  const reading = read(iterator, relay).finally(() => over.abort());
  const either = AbortSignal.any([call.signal, relay.left, over.signal]);
  try {
    for await (const input of relay.input.take(either)) yield { input };
    // Nothing more is typed. The call goes on for as long as the command does.
    if (!either.aborted) await aborted(either);
    if (over.signal.aborted) await reading;
    // An error, not an end: it arrives whatever the executor is waiting for.
    else if (relay.left.aborted) throw new CancelledError('whoever was attached is gone');
  } finally {
    lost(relay);
  }
}

async function read(requests: AsyncIterator<AttachRequest>, relay: TerminalRelay): Promise<void> {
  try {
    for (let next = await requests.next(); !next.done; next = await requests.next()) {
      const { message } = next.value;
      const output = message?.$case === 'output' ? message.value : undefined;
      if (!output) continue;
      if (!(await relay.output.put(output))) return;
      if (output.output?.$case === 'exit') return relay.finish();
    }
  } catch {
    // The call has broken: how does not matter to the user.
  }
  lost(relay);
}

/** Does nothing when all has been told. */
function lost(relay: TerminalRelay): void {
  relay.fail(
    `the connection to executor ${relay.executor} was lost: what became of the command is not known`,
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
