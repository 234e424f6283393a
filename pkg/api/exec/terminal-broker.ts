import type { TerminalWanted } from '../../gen/gilliam/v1/session_service';
import type { ApiContext } from '../api-context';
import type { ExecutorLinks } from '../session/executor-links';
import { TerminalRelay } from './terminal-relay';

/** Brings together who wants a terminal and who has the command: a call of a user, and one of an executor. */
export class TerminalBroker {
  readonly #expected = new Map<string, TerminalRelay>();

  constructor(
    private readonly context: Pick<ApiContext, 'clock' | 'random' | 'limits'>,
    private readonly links: Pick<ExecutorLinks, 'get'>,
  ) {}

  /** Asks an executor that is connected here. That it does not answer comes out of the relay's output. */
  open(
    executor: string,
    wanted: Omit<TerminalWanted, 'stream'>,
    relay = new TerminalRelay(executor),
  ): TerminalRelay {
    const { clock, random, limits } = this.context;
    // Whoever asks may have left while the executor was looked for.
    if (relay.left.aborted) return relay;
    const link = this.links.get(executor);
    if (!link) {
      relay.fail(`executor ${executor} is not connected: its commands cannot be reached now`);
      return relay;
    }
    const stream = random.uuid();
    this.#expected.set(stream, relay);
    const giveUp = (message: string) => {
      if (!relay.isConnected) relay.fail(message);
    };
    const timer = clock.after(limits.logsWithinMs, () =>
      giveUp(`executor ${executor} does not open the terminal: is it overloaded?`),
    );
    const { over } = link.session;
    const onOver = () => giveUp(`executor ${executor} has just disconnected: try again`);
    over.addEventListener('abort', onOver, { once: true });
    relay.left.addEventListener(
      'abort',
      () => {
        timer.dispose();
        over.removeEventListener('abort', onOver);
        this.#expected.delete(stream);
      },
      { once: true },
    );
    if (!link.outbox.wantTerminal({ stream, ...wanted })) {
      relay.fail(`executor ${executor} is asked for too many terminals at a time: try again`);
    }
    return relay;
  }

  /** The other end, for the one executor that calls. Undefined when nobody waits for it. */
  connect(stream: string): TerminalRelay | undefined {
    const relay = this.#expected.get(stream);
    this.#expected.delete(stream);
    relay?.connect();
    return relay;
  }
}
