import type { Socket } from 'node:net';
import type { Logger } from '../base/log';
import type { Connection } from './connection';
import { dialPlace } from './dial-place';
import { Exchange, type CallerSide, type ExchangeContext } from './exchange';
import { refuseLoop, upgradeOf, viaOf } from './forward';
import { requestFraming, type Framing } from './framing';
import { parseRequestHead, type RequestHead } from './head';
import { Refusal, refusalResponse } from './refusal';
import { parseTarget, type RequestTarget } from './target';
import { Tunnel } from './tunnel';
import type { Upstream } from './upstream';
import { writeBoth } from './write';

export interface CallerContext extends ExchangeContext {
  readonly log: Logger;
  /** Resolves once it may be known who is at an address. */
  readonly introduced?: (address: string) => Promise<void>;
  readonly onClosed: (caller: Caller) => void;
}

/** How much of what comes next is held while a response is under way. */
const heldBytes = 64 * 1024;
/** How long what a caller still sends is thrown away after the last answer, so that it is not reset before it is read. */
const lingerMs = 2_000;
/** Empty lines before a request that are overlooked: some clients end bodies with one. */
const maxEmptyLines = 2;
const headEnd = Buffer.from('\r\n\r\n');
const refusedConnection = { head: false, close: true };

/** A caller's connection: one request after the other, or a tunnel. */
export class Caller implements CallerSide {
  readonly address: string;
  #deadlineMs = Infinity;
  #held: Buffer | undefined;
  /** No end of a head before here. */
  #searched = 0;
  #state: 'open' | 'waiting' | 'dialing' | 'tunnel' | 'lingering' | 'closed' = 'open';
  #exchange: Exchange | undefined;
  #head: RequestHead | undefined;
  #tunnel: Tunnel | undefined;
  /** Ends what a CONNECT has begun, where there is no tunnel yet. */
  #abandonDial: () => void = () => {};
  /** The endpoint takes no more of the request for now. */
  #stalled = false;
  #paused = false;
  #proceeding = false;

  constructor(
    private readonly socket: Socket,
    private readonly context: CallerContext,
  ) {
    this.address = plainAddress(socket.remoteAddress ?? '');
    this.within(context.options.callerIdleMs);
    socket.on('data', this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    // Its 'close' follows.
    socket.on('error', () => {});
    socket.on('close', this.#onClose);
  }

  /** Whether a request or a tunnel is under way. */
  get busy(): boolean {
    return this.#exchange !== undefined || ['waiting', 'dialing', 'tunnel'].includes(this.#state);
  }

  /** Answers a connection that is one too many. */
  turnAway(refusal: Refusal): void {
    this.socket.write(refusalResponse(refusal, refusedConnection), 'latin1');
    this.#linger();
  }

  sweep(nowMs: number): void {
    if (this.#tunnel) return this.#tunnel.sweep(nowMs);
    if (nowMs < this.#deadlineMs) return;
    this.#deadlineMs = Infinity;
    if (this.#state === 'lingering') this.socket.destroy();
    else if (this.#exchange) this.#exchange.expired();
    else if (this.#held && this.socket.writableNeedDrain) this.#hangUp();
    else if (this.#held) this.refused(new Refusal(408, 'the request did not arrive in time'));
    else if (this.#state === 'open') this.#linger();
  }

  destroy(): void {
    this.socket.destroy();
  }

  write(text: string, data?: Buffer): boolean {
    return writeBoth(this.socket, text, data);
  }

  writeData(data: Buffer): boolean {
    return this.socket.write(data);
  }

  within(ms: number): void {
    this.#deadlineMs = this.context.clock.monotonic() + ms;
  }

  wantsMore(): void {
    this.#proceed();
  }

  pauseRequest(): void {
    this.#stalled = true;
    this.#updateFlow();
  }

  resumeRequest(): void {
    this.#stalled = false;
    this.#proceed();
  }

  finished({ close }: { readonly close: boolean }): void {
    this.#exchange = undefined;
    this.#head = undefined;
    if (close || this.#state !== 'open') return this.#linger();
    this.within(this.#held ? this.context.options.headMs : this.context.options.callerIdleMs);
    this.#stalled = false;
    this.#updateFlow();
    // Many small requests at once are a loop, not a recursion.
    if (!this.#proceeding) this.#proceed();
  }

  refused(refusal: Refusal): void {
    const exchange = this.#exchange;
    const head = this.#head?.method === 'HEAD';
    const whole = exchange?.requestDone === true && refusal.status !== 400;
    const close = !whole || this.#head?.minor === 0 || wantsClose(this.#head);
    const { log } = this.context;
    if (refusal.status >= 500) {
      const fields = {
        status: refusal.status,
        reason: refusal.message,
        target: this.#head?.target,
        caller: this.address,
      };
      if (refusal.status === 500) log.error('request failed', { ...fields, error: String(refusal.cause) });
      else log.debug('request failed', fields);
    }
    this.socket.write(refusalResponse(refusal, { head, close }), 'latin1');
    this.finished({ close });
  }

  broken(): void {
    this.#exchange = undefined;
    // Without it, what is read until the connection ends would look whole to a caller of HTTP/1.0.
    if (this.#head?.minor === 0) this.socket.resetAndDestroy();
    else this.#hangUp();
  }

  upgraded(upstream: Upstream, connection: Connection, early: Buffer | undefined): void {
    this.#exchange = undefined;
    this.#startTunnel(upstream, connection, early);
  }

  readonly #onData = (data: Buffer): void => {
    if (this.#state === 'lingering' || this.#state === 'closed') return;
    if (!this.#held && !this.#exchange && this.#state === 'open') this.within(this.context.options.headMs);
    this.#held = this.#held ? Buffer.concat([this.#held, data]) : data;
    this.#proceed();
  };

  readonly #onDrain = (): void => {
    if (this.#exchange) return this.#exchange.callerDrained();
    // What was asked for next has waited for that.
    if (this.#held) this.within(this.context.options.headMs);
    this.#proceed();
  };

  readonly #onEnd = (): void => {
    // Whoever has ended its side of a request does not wait for the answer: servers and proxies have agreed on that.
    if (this.#state === 'lingering') this.socket.destroySoon();
    else this.#abandon();
  };

  readonly #onClose = (): void => {
    this.#abandon();
    this.#state = 'closed';
    this.#held = undefined;
    this.context.onClosed(this);
  };

  #abandon(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.abandoned();
    this.#abandonDial();
    if (this.#state !== 'tunnel') this.#hangUp();
  }

  /** Ends it when what was written is sent, and soon in any case. */
  #hangUp(): void {
    if (this.#state === 'closed') return;
    this.#state = 'lingering';
    this.#held = undefined;
    this.within(lingerMs);
    this.socket.destroySoon();
  }

  /** Does with what is there all that can be done. May be called while it runs. */
  #proceed(): void {
    const outermost = !this.#proceeding;
    this.#proceeding = true;
    try {
      this.#proceedWith();
    } finally {
      if (outermost) this.#proceeding = false;
    }
    this.#updateFlow();
  }

  #proceedWith(): void {
    while (this.#held && this.#state === 'open' && !this.#stalled) {
      if (!this.#exchange) {
        if (!this.#begin()) return;
        continue;
      }
      const exchange = this.#exchange;
      if (exchange.requestDone) return;
      const buffer = this.#held;
      const taken = exchange.takeRequest(buffer, 0);
      if (taken === 0) return;
      this.#held = taken === buffer.length ? undefined : buffer.subarray(taken);
    }
  }

  /** Begins the next request, when its head is there. */
  #begin(): boolean {
    // Whoever asks and does not take the answers would fill the memory with them.
    if (this.socket.writableNeedDrain) {
      this.within(this.context.options.responseBodyMs);
      return false;
    }
    let buffer = this.#held as Buffer;
    for (let line = 0; line < maxEmptyLines && buffer[0] === 13 && buffer[1] === 10; line++)
      buffer = buffer.subarray(2);
    if (buffer.length === 0) {
      this.#held = undefined;
      this.within(this.context.options.callerIdleMs);
      return false;
    }
    const { headBytes } = this.context.options;
    const end = buffer.indexOf(headEnd, Math.max(0, this.#searched - 3));
    if (end > headBytes || (end < 0 && buffer.length > headBytes)) {
      this.refused(new Refusal(431, `the request's head is longer than ${headBytes} bytes`));
      return false;
    }
    if (end < 0) {
      if (hasBareLf(buffer, this.#searched)) {
        this.refused(new Refusal(400, 'a line of the head does not end in CR LF'));
      }
      this.#searched = buffer.length;
      return false;
    }
    this.#searched = 0;
    const rest = end + headEnd.length;
    this.#held = rest === buffer.length ? undefined : buffer.subarray(rest);
    try {
      this.#accept(parseRequestHead(buffer.toString('latin1', 0, end)));
    } catch (error) {
      this.refused(error instanceof Refusal ? error : new Refusal(500, 'the proxy failed', { cause: error }));
    }
    return true;
  }

  /** @throws {Refusal} where it cannot be passed on */
  #accept(head: RequestHead): void {
    this.#head = head;
    const hosts = head.fields.filter(({ key }) => key === 'host').length;
    if (hosts > 1) throw new Refusal(400, 'the request has more than one Host');
    if (hosts === 0 && head.minor === 1) throw new Refusal(400, 'the request has no Host');
    const framing = requestFraming(head);
    const target = parseTarget(head);
    const via = viaOf(this.context.pseudonym, target, head.minor);
    refuseLoop(head, via, this.context.pseudonym);
    if (head.method === 'CONNECT') {
      if (framing.kind !== 'none' && !(framing.kind === 'length' && framing.bytes === 0)) {
        throw new Refusal(400, 'CONNECT has no body');
      }
    }
    const { introduced, destinations } = this.context;
    if (introduced && destinations.dependsOnStranger(target, this.address)) {
      this.#state = 'waiting';
      this.#deadlineMs = Infinity;
      void introduced(this.address).then(() =>
        this.#introduced(() => this.#send(head, target, framing, via)),
      );
    } else this.#send(head, target, framing, via);
  }

  /** It is known who has called, or will not be. */
  #introduced(send: () => void): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'open';
    try {
      send();
    } catch (error) {
      this.refused(new Refusal(500, 'the proxy failed', { cause: error }));
    }
    this.#proceed();
  }

  #send(head: RequestHead, target: RequestTarget, framing: Framing, via: string): void {
    if (head.method === 'CONNECT') return this.#connect(target);
    this.#exchange = new Exchange(this.context, this, {
      head,
      target,
      via,
      framing,
      upgrade: upgradeOf(head),
    });
    this.#exchange.start();
  }

  #connect(target: RequestTarget): void {
    this.#state = 'dialing';
    this.#deadlineMs = Infinity;
    const dialing = new AbortController();
    this.#abandonDial = () => dialing.abort();
    dialPlace(target, this.address, this.context, dialing.signal).then(
      ({ upstream, connection }) => {
        this.#abandonDial = () => {};
        if (dialing.signal.aborted || this.#state !== 'dialing') {
          connection.destroy();
          upstream.ended();
          return;
        }
        this.socket.write('HTTP/1.1 200 Connection Established\r\n\r\n', 'latin1');
        this.#startTunnel(upstream, connection, undefined);
      },
      (error: unknown) => {
        this.#abandonDial = () => {};
        if (dialing.signal.aborted || this.#state !== 'dialing') return;
        this.#state = 'open';
        this.refused(
          error instanceof Refusal ? error : new Refusal(500, 'the proxy failed', { cause: error }),
        );
      },
    );
  }

  #startTunnel(upstream: Upstream, connection: Connection, early: Buffer | undefined): void {
    const { clock, options } = this.context;
    this.#state = 'tunnel';
    upstream.becameTunnel();
    upstream.succeeded();
    this.socket.off('data', this.#onData);
    this.socket.off('drain', this.#onDrain);
    this.socket.off('end', this.#onEnd);
    const endpoint = connection.detach();
    if (early) this.socket.write(early);
    if (this.#held) endpoint.write(this.#held);
    this.#held = undefined;
    this.#tunnel = new Tunnel(this.socket, endpoint, {
      clock,
      idleMs: options.tunnelIdleMs,
      onEnd: () => {
        this.#tunnel = undefined;
        upstream.tunnelEnded();
        // For a caller that does not take what was sent to it last.
        this.#state = 'lingering';
        this.within(lingerMs);
      },
    });
  }

  /** Sends no more, and waits a little for the caller to do the same. */
  #linger(): void {
    if (this.#state === 'closed') return;
    this.#state = 'lingering';
    this.#exchange = undefined;
    this.#held = undefined;
    this.within(lingerMs);
    this.socket.end();
    this.socket.resume();
    // The caller has ended before: nothing is left to wait for.
    if (this.socket.readableEnded) this.socket.destroySoon();
  }

  /** Reads no more than can be passed on soon. */
  #updateFlow(): void {
    const pause = this.#stalled || (this.#held !== undefined && this.#held.length > heldBytes);
    if (pause === this.#paused || this.#state === 'tunnel' || this.#state === 'lingering') return;
    this.#paused = pause;
    if (pause) this.socket.pause();
    else this.socket.resume();
  }
}

function wantsClose(head: RequestHead | undefined): boolean {
  return head?.fields.some(({ key, value }) => key === 'connection' && /\bclose\b/i.test(value)) ?? true;
}

/** A line feed without its carriage return: the head would never end. */
function hasBareLf(buffer: Buffer, from: number): boolean {
  for (let at = buffer.indexOf(10, from); at >= 0; at = buffer.indexOf(10, at + 1)) {
    if (at === 0 || buffer[at - 1] !== 13) return true;
  }
  return false;
}

/** `10.0.0.7` of `::ffff:10.0.0.7`. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
