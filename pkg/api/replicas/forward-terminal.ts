import { messageOf } from '../../base/errors';
import type { Client } from '../../client/client';
import type { OpenTerminalRequest } from '../../gen/gilliam/v1/replica_service';
import type { TerminalWanted } from '../../gen/gilliam/v1/session_service';
import type { TerminalRelay } from '../exec/terminal-relay';
import { NothingBegun } from './reach';

/**
 * The other side of the relay is an executor of another control plane: what is typed goes there, what is printed comes
 * from there, and each waits for the slower end. Throws NothingBegun when the command cannot have begun.
 */
export async function forwardTerminal(
  client: Client,
  relay: TerminalRelay,
  wanted: Omit<TerminalWanted, 'stream'>,
): Promise<void> {
  let isHeld = () => {};
  const held = new Promise<void>((resolve) => (isHeld = resolve));
  let begun = false;

  async function* requests(): AsyncGenerator<OpenTerminalRequest> {
    yield { message: { $case: 'executor', value: relay.executor } };
    await held;
    yield { message: { $case: 'wanted', value: { stream: '', ...wanted } } };
    for await (const value of relay.input.take(relay.left)) yield { message: { $case: 'input', value } };
  }

  try {
    const answers = client.replicas.openTerminal(requests(), { signal: relay.left });
    for await (const { output, error } of answers) {
      begun = true;
      isHeld();
      if (error !== '') return relay.fail(error);
      if (!output) continue;
      if (!(await relay.output.put(output))) return;
      if (output.output?.$case === 'exit') return relay.finish();
    }
    relay.fail(lost(relay.executor));
  } catch (error) {
    if (relay.left.aborted) return;
    if (!begun) throw new NothingBegun(messageOf(error), { cause: error });
    relay.fail(lost(relay.executor));
  } finally {
    // Whoever waits for it asks for nothing any more.
    isHeld();
  }
}

function lost(executor: string): string {
  return `the control plane that executor ${executor} was connected to has gone: what became of the command is not known, see gilliam ps and gilliam events`;
}
