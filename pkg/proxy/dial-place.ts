import type { Connection } from './connection';
import { DialError } from './dialer';
import { refusalOf, type ExchangeContext } from './exchange';
import { Refusal } from './refusal';
import type { RequestTarget } from './target';
import type { Upstream } from './upstream';
import { Shortage } from './waiting-room';

export interface DialedPlace {
  /** Has begun a request: `ended`, or `becameTunnel`, has to follow. */
  readonly upstream: Upstream;
  readonly connection: Connection;
}

/**
 * Connects a caller to one place of a target after the other, until one takes it; in its turn, where there is none now.
 * @throws {Refusal}
 */
export async function dialPlace(
  target: RequestTarget,
  caller: string,
  context: ExchangeContext,
  signal: AbortSignal,
): Promise<DialedPlace> {
  const { destinations, clock, options, room } = context;
  const tried = new Set<Upstream>();
  const attempt = () => {
    const destination = destinations.find(target, caller);
    const upstream = destinations.choose(destination, tried);
    upstream.began(clock.monotonic());
    return { destination, upstream, opening: upstream.open() };
  };
  let failure: Refusal | undefined;
  const next = () => {
    try {
      return attempt();
    } catch (error) {
      if (failure || !(error instanceof Shortage)) throw failure ?? error;
      return room.turn(error, attempt, signal);
    }
  };
  for (let failures = 0; failures < options.tries && !signal.aborted;) {
    const { destination, upstream, opening } = await next();
    try {
      const connection = await opening;
      if (!upstream.withdrawn) return { upstream, connection };
      connection.destroy();
      upstream.ended();
    } catch (error) {
      upstream.ended();
      const dial = error instanceof DialError ? error : new DialError('unreachable', String(error));
      upstream.failed(dial.kind === 'absent');
      tried.add(upstream);
      if (dial.kind !== 'absent') failures++;
      const unknown = dial.kind === 'absent' && !upstream.endpoint && destinations.unknownHost(destination);
      failure = unknown || refusalOf(dial, target.host);
    }
  }
  throw failure ?? new Refusal(502, `${target.host} could not be connected to`);
}
