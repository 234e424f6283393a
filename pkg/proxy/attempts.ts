import type { Clock } from '../base/clock';
import type { Connection } from './connection';
import type { Destination, Destinations } from './destinations';
import { dialRefusal } from './dial-refusal';
import { DialError } from './dialer';
import type { Refusal } from './refusal';
import { refusalFor } from './refusal';
import type { RequestTarget } from './target';
import type { Upstream } from './upstream';
import { Shortage, type Waiter, type WaitingRoom } from './waiting-room';

export interface AttemptsContext {
  readonly clock: Clock;
  readonly options: {
    /** Endpoints that are tried for one request at most. */
    readonly tries: number;
  };
  readonly destinations: Destinations;
  readonly room: WaitingRoom;
}

/** Whoever a connection is sought for. One of `connected` and `refused` is called, later or at once. */
export interface Seeker {
  /** A place is connected to, which may take its time. */
  connecting(): void;
  /** There is no place now: the waiting room says how long it waits for one. */
  queued(): void;
  connected(connection: Connection): void;
  refused(refusal: Refusal): void;
}

/** `repeatable`: nothing is lost by sending it twice; `once`: it may be sent once only; `tunnel`: no request at all. */
export type Sought = 'repeatable' | 'once' | 'tunnel';

/** An endpoint may close a connection that is not used at any moment: what cannot be repeated takes no old one. */
const unrepeatableIdleMs = 1_000;

/**
 * The attempts of one request, or one tunnel, to get a connection: one place of its target after the other, until one
 * takes it; in its turn, where there is none now. What it got is held here until `end` or `handOver`.
 */
export class Attempts implements Waiter {
  #state: 'between' | 'queued' | 'connecting' | 'connected' | 'over' = 'between';
  #upstream: Upstream | undefined;
  #connection: Connection | undefined;
  #tried: Set<Upstream> | undefined;
  #failures = 0;
  /** A connection was closed when it was taken: the others of that time may be too. */
  #onlyNew: boolean;

  constructor(
    private readonly context: AttemptsContext,
    private readonly seeker: Seeker,
    private readonly target: RequestTarget,
    /** Of the caller: names are looked up for it. */
    private readonly address: string,
    private readonly sought: Sought,
  ) {
    this.#onlyNew = sought === 'tunnel';
  }

  /** The place that was tried last: the one that the connection leads to, where there is one. */
  get upstream(): Upstream | undefined {
    return this.#upstream;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  start(): void {
    this.#next(undefined);
  }

  again(): Shortage | undefined {
    try {
      this.#try();
    } catch (error) {
      if (error instanceof Shortage) return error;
      this.#refuse(refusalFor(error));
    }
    return undefined;
  }

  turnedAway(refusal: Refusal): void {
    this.#refuse(refusal);
  }

  /**
   * The connection has broken before there was a response: another is sought, where nothing can be lost by that.
   * @param heard something had come. @param failure what is said where no other is found
   */
  broken(heard: boolean, failure: Refusal): void {
    const upstream = this.#upstream as Upstream;
    // An unused connection that was closed just when it was taken says nothing about the endpoint.
    const worn = (this.#connection as Connection).uses > 0;
    if (!worn || heard) upstream.failed();
    if (worn) this.#onlyNew = true;
    else (this.#tried ??= new Set()).add(upstream);
    this.#drop();
    if (heard || this.sought !== 'repeatable') return this.#refuse(failure);
    this.#failures++;
    this.#next(failure);
  }

  /** No other attempt follows. @param keep the connection is ready for the next request */
  end(keep: boolean): void {
    if (this.#state === 'queued') this.context.room.leave(this);
    const begun = this.#state === 'connecting' || this.#state === 'connected';
    this.#state = 'over';
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection && keep) this.#upstream?.release(connection, this.context.clock.monotonic());
    else connection?.destroy();
    if (begun) this.#upstream?.ended();
  }

  /** Both are the taker's, who tells the place when it has ended. */
  handOver(): { readonly upstream: Upstream; readonly connection: Connection } {
    this.#state = 'over';
    const connection = this.#connection as Connection;
    this.#connection = undefined;
    return { upstream: this.#upstream as Upstream, connection };
  }

  /** Nothing has been sent, or nothing that may not be sent again. @param failure of the attempt before */
  #next(failure: Refusal | undefined): void {
    if (failure && this.#failures >= this.context.options.tries) return this.#refuse(failure);
    const shortage = failure ? this.#otherwise(failure) : this.again();
    if (shortage) this.#queue(shortage);
  }

  /** Where no other place takes it, it has failed as it did. */
  #otherwise(failure: Refusal): undefined {
    try {
      this.#try();
    } catch {
      this.#refuse(failure);
    }
  }

  #queue(shortage: Shortage): void {
    this.#state = 'queued';
    this.seeker.queued();
    try {
      this.context.room.wait(shortage, this);
    } catch (error) {
      this.#refuse(refusalFor(error));
    }
  }

  #try(): void {
    const { clock, destinations } = this.context;
    const destination = destinations.find(this.target, this.address);
    const upstream = destinations.choose(destination, this.#tried);
    const nowMs = clock.monotonic();
    this.#upstream = upstream;
    this.#state = 'connecting';
    upstream.began(nowMs);
    const maxIdleMs = this.sought === 'repeatable' ? Infinity : unrepeatableIdleMs;
    const connection = this.#onlyNew ? undefined : upstream.take(nowMs, maxIdleMs);
    if (connection) this.#connected(connection);
    else this.#open(upstream, destination);
  }

  #open(upstream: Upstream, destination: Destination): void {
    this.seeker.connecting();
    upstream.open().then(
      (opened) => {
        if (this.#state !== 'connecting' || this.#upstream !== upstream) {
          upstream.release(opened, this.context.clock.monotonic());
        } else if (upstream.withdrawn) {
          opened.destroy();
          this.#drop();
          this.#next(undefined);
        } else {
          this.#connected(opened);
        }
      },
      (error: unknown) => this.#notConnected(upstream, destination, error),
    );
  }

  #connected(connection: Connection): void {
    this.#state = 'connected';
    this.#connection = connection;
    this.seeker.connected(connection);
  }

  #notConnected(upstream: Upstream, destination: Destination, error: unknown): void {
    const dial = error instanceof DialError ? error : new DialError('unreachable', String(error));
    upstream.failed(dial.kind === 'absent');
    if (this.#state !== 'connecting' || this.#upstream !== upstream) return;
    this.#drop();
    (this.#tried ??= new Set()).add(upstream);
    // To be refused costs nothing: all others may be asked. To wait does.
    if (dial.kind !== 'absent') this.#failures++;
    const absentHost = dial.kind === 'absent' && !upstream.endpoint;
    const unknown = absentHost ? this.context.destinations.unknownHost(destination) : undefined;
    this.#next(unknown ?? dialRefusal(dial, this.target.host));
  }

  /** An attempt has ended, and another may follow. */
  #drop(): void {
    this.#state = 'between';
    this.#connection?.destroy();
    this.#connection = undefined;
    this.#upstream?.ended();
  }

  #refuse(refusal: Refusal): void {
    if (this.#state === 'over') return;
    this.end(false);
    this.seeker.refused(refusal);
  }
}
