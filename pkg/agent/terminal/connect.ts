import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/log';
import type { TerminalInput } from '../../gen/gilliam/v1/exec_service';
import type { Attachment } from './attachment';
import type { CommandTerminal } from './command-terminal';
import { isSignalName } from './command-terminal';

/**
 * Joins a running command and whoever is attached to it, until the command has ended and they have all that it
 * printed, or they are gone. Resolves with the exit code; undefined when they are gone. `exited`: with what it has exited,
 * where somebody else may know that sooner than the terminal.
 */
export async function connect(
  attachment: Attachment,
  terminal: CommandTerminal,
  log: Logger,
  exited?: Promise<number>,
): Promise<number | undefined> {
  const { gone } = attachment;
  // A command that prints nothing would not notice.
  const onGone = () => terminal.close();
  gone.addEventListener('abort', onGone, { once: true });
  if (gone.aborted) onGone();
  const giving = giveInput(attachment, terminal).catch((error: unknown) =>
    log.debug('a command was not given its input', { error: messageOf(error) }),
  );
  // Asked for before it is needed where that costs nothing: the engine answers by itself then.
  const asked = attachment.wanted.command.length === 0 ? terminal.exit(gone) : undefined;
  const exiting = asked && exited ? Promise.race([asked, exited]) : asked;
  exiting?.catch(() => {});
  try {
    for await (const { stream, bytes } of terminal.output) {
      if (!(await attachment.print(stream, bytes))) break;
    }
    return gone.aborted ? undefined : await (exiting ?? terminal.exit(gone));
  } catch (error) {
    if (gone.aborted) return undefined;
    throw error;
  } finally {
    gone.removeEventListener('abort', onGone);
    terminal.close();
    // It waits for input that may never come: it ends with the attachment.
    void giving;
  }
}

async function giveInput(attachment: Attachment, terminal: CommandTerminal): Promise<void> {
  const { tty, size } = attachment.wanted;
  if (tty && size) await terminal.resize(size);
  for await (const { input } of attachment.input()) await give(input, terminal);
}

async function give(input: TerminalInput['input'], terminal: CommandTerminal): Promise<void> {
  switch (input?.$case) {
    case 'stdin':
      return terminal.write(input.value);
    case 'stdinEnd':
      return terminal.end();
    case 'size':
      return terminal.resize(input.value);
    case 'signal':
      return isSignalName(input.value) ? terminal.signal(input.value) : undefined;
    case undefined:
      return undefined;
  }
}
