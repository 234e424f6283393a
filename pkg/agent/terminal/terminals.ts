import type { Clock } from '../../base/clock';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/log';
import type { TerminalWanted } from '../../gen/gilliam/v1/session_service';
import type { Driver } from '../driver';
import type { Transport } from '../transport';
import { Attachment } from './attachment';
import type { CommandTerminal } from './command-terminal';
import { connect } from './connect';
import { refusalOf } from './refusal';

const maxTerminals = 256;
/** Between SIGHUP and SIGKILL for a command whose terminal is gone. */
const hangUpMs = 5_000;

export interface TerminalsOptions {
  readonly driver: Pick<Driver, 'open'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** The instance's running container; undefined where there is none. */
  readonly container: (uid: string) => string | undefined;
  /** Hands the attachment to the worker of the one-off; false where there is no such instance. */
  readonly attach: (uid: string, attachment: Attachment) => boolean;
}

/** Answers `TerminalWanted`, each with a call of its own: to a one-off's command, or to one beside an instance's. */
export class Terminals {
  readonly #options: TerminalsOptions;
  #open = 0;

  constructor(options: TerminalsOptions) {
    this.#options = options;
  }

  async serve(wanted: TerminalWanted, transport: Transport, signal: AbortSignal): Promise<void> {
    const attachment = new Attachment(wanted);
    const call = attachment.run(transport, signal).catch((error: unknown) => {
      // They are gone, or the session: nobody is left to be told.
      this.#options.log.debug('a terminal ended early', { error: messageOf(error) });
    });
    this.#open++;
    try {
      await this.#answer(attachment);
      await call;
    } finally {
      this.#open--;
    }
  }

  async #answer(attachment: Attachment): Promise<void> {
    const { uid, command } = attachment.wanted;
    if (this.#open > maxTerminals) {
      return attachment.finish(
        125,
        `${maxTerminals} terminals are open on this executor, and no more may be`,
      );
    }
    if (command.length > 0) return this.#exec(attachment);
    if (this.#options.attach(uid, attachment)) return undefined;
    return attachment.finish(125, 'the instance is not on this executor any more');
  }

  async #exec(attachment: Attachment): Promise<void> {
    const { driver, container, log } = this.#options;
    const { uid, command, tty, size } = attachment.wanted;
    const id = container(uid);
    if (id === undefined) return attachment.finish(125, 'the instance does not run just now: gilliam ps');
    let terminal: CommandTerminal | undefined;
    try {
      terminal = await driver.open(id, { command, tty, size }, attachment.gone);
      const code = await connect(attachment, terminal, log);
      if (code === undefined) await this.#hangUp(terminal);
      else await attachment.finish(code);
    } catch (error) {
      const { code, message } = refusalOf(error);
      await attachment.finish(code, message);
    }
  }

  /** Nobody is attached any more: the command is told, and then made to end. */
  async #hangUp(terminal: CommandTerminal): Promise<void> {
    const { clock, log } = this.#options;
    try {
      await terminal.signal('SIGHUP');
      await terminal.signal('SIGTERM');
      const late = new AbortController();
      const timer = clock.after(hangUpMs, () => late.abort(new Error('it goes on')));
      const ended = await terminal.exit(late.signal).then(
        () => true,
        () => false,
      );
      timer.dispose();
      if (!ended) await terminal.signal('SIGKILL');
    } catch (error) {
      log.warn('a command whose terminal is gone could not be ended', { error: messageOf(error) });
    }
  }
}
