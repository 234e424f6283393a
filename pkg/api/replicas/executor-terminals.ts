import { UnavailableError, messageOf } from '../../base/errors';
import type { TerminalWanted } from '../../gen/gilliam/v1/session_service';
import type { Session } from '../../resource/objects';
import type { ApiContext } from '../api-context';
import type { TerminalBroker } from '../exec/terminal-broker';
import { TerminalRelay } from '../exec/terminal-relay';
import type { ExecutorLinks } from '../session/executor-links';
import { forwardTerminal } from './forward-terminal';
import { NothingBegun, reach } from './reach';
import type { Replicas } from './replicas';

export interface ReplicaParts {
  readonly context: ApiContext;
  readonly links: Pick<ExecutorLinks, 'get'>;
  readonly replicas: Replicas;
}

/** Terminals of any executor of the stage, whichever control plane holds its session. */
export class ExecutorTerminals {
  constructor(
    private readonly parts: ReplicaParts,
    private readonly broker: TerminalBroker,
  ) {}

  /** Asks for one. That there is none comes out of the relay's output. */
  open(executor: string, wanted: Omit<TerminalWanted, 'stream'>): TerminalRelay {
    if (this.parts.links.get(executor)) return this.broker.open(executor, wanted);
    const relay = new TerminalRelay(executor);
    void this.#elsewhere(relay, wanted).catch((error: unknown) => relay.fail(messageOf(error)));
    return relay;
  }

  #elsewhere(relay: TerminalRelay, wanted: Omit<TerminalWanted, 'stream'>): Promise<void> {
    const { context, links, replicas } = this.parts;
    const { executor } = relay;
    const attempt = async (session: Session) => {
      // It has moved here meanwhile.
      if (links.get(executor)) return void this.broker.open(executor, wanted, relay);
      const address = addressOf(session, context.identity);
      return replicas.call(address, (client) => forwardTerminal(client, relay, wanted));
    };
    return reach(context, executor, attempt, relay.left);
  }
}

/** Where the control plane is that holds the session. Throws NothingBegun when that is this one, which knew nothing of it. */
export function addressOf({ holder, address }: Session, identity: string): string {
  if (holder === identity) throw new NothingBegun('its session is just beginning or ending');
  if (address !== '') return address;
  throw new UnavailableError(
    `control plane ${holder}, to which the executor is connected, has no address that the others can reach: ask that one, or set GILLIAM_ADVERTISE there`,
  );
}
