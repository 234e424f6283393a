import type { Socket } from 'node:net';
import type { Logger } from '../base/log';
import { admit, type AdmittedRequest } from './admission';
import { Attempts } from './attempts';
import type { Connection } from './connection';
import { Exchange, type CallerSide, type ExchangeContext } from './exchange';
import type { RequestHead } from './head';
import { endsWithResponse } from './persistence';
import { Refusal, refusalFor, refusalResponse } from './refusal';
import { RequestReader } from './request-reader';
import type { RequestTarget } from './target';
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
const refusedConnection = { head: false, close: true };

/** A caller's connection: one request after the other, or a tunnel. */
export class Caller implements CallerSide {
  readonly address: string;
  #deadlineMs = Infinity;
  readonly #reader: RequestReader;
  #state: 'open' | 'waiting' | 'dialing' | 'tunnel' | 'lingering' | 'closed' = 'open';
  #exchange: Exchange | undefined;
  #head: RequestHead | undefined;
  #tunnel: Tunnel | undefined;
  /** Of a CONNECT, where there is no tunnel yet. */
  #dialing: Attempts | undefined;
  /** The endpoint takes no more of the request for now. */
  #stalled = false;
  #paused = false;
  #proceeding = false;

  constructor(
    private readonly socket: Socket,
    private readonly context: CallerContext,
  ) {
    this.address = plainAddress(socket.remoteAddress ?? '');
    this.#reader = new RequestReader(context.options.headBytes);
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
    else if (this.#reader.held && this.socket.writableNeedDrain) this.#hangUp();
    else if (this.#reader.held) this.refused(new Refusal(408, 'the request did not arrive in time'));
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
    this.within(this.#reader.held ? this.context.options.headMs : this.context.options.callerIdleMs);
    this.#stalled = false;
    this.#updateFlow();
    // Many small requests at once are a loop, not a recursion.
    if (!this.#proceeding) this.#proceed();
  }

  refused(refusal: Refusal): void {
    const exchange = this.#exchange;
    const head = this.#head?.method === 'HEAD';
    const whole = exchange?.requestDone === true && refusal.status !== 400;
    const close = !whole || !this.#head || endsWithResponse(this.#head);
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
    const { held } = this.#reader;
    if (!held && !this.#exchange && this.#state === 'open') this.within(this.context.options.headMs);
    this.#reader.push(data);
    this.#proceed();
  };

  readonly #onDrain = (): void => {
    if (this.#exchange) return this.#exchange.callerDrained();
    // What was asked for next has waited for that.
    if (this.#reader.held) this.within(this.context.options.headMs);
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
    this.#reader.clear();
    this.context.onClosed(this);
  };

  #abandon(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.abandoned();
    this.#dialing?.end(false);
    this.#dialing = undefined;
    if (this.#state !== 'tunnel') this.#hangUp();
  }

  /** Ends it when what was written is sent, and soon in any case. */
  #hangUp(): void {
    if (this.#state === 'closed') return;
    this.#state = 'lingering';
    this.#reader.clear();
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
    while (this.#reader.held && this.#state === 'open' && !this.#stalled) {
      if (!this.#exchange) {
        if (!this.#begin()) return;
        continue;
      }
      if (this.#exchange.requestDone) return;
      const taken = this.#exchange.takeRequest(this.#reader.held);
      if (taken === 0) return;
      this.#reader.take(taken);
    }
  }

  /** Begins the next request, when its head is there. */
  #begin(): boolean {
    // Whoever asks and does not take the answers would fill the memory with them.
    if (this.socket.writableNeedDrain) {
      this.within(this.context.options.responseBodyMs);
      return false;
    }
    try {
      const head = this.#reader.head();
      if (head) this.#accept(head);
      else if (!this.#reader.held) this.within(this.context.options.callerIdleMs);
      return head !== undefined;
    } catch (error) {
      this.refused(refusalFor(error));
      return false;
    }
  }

  /** @throws {Refusal} where it cannot be passed on */
  #accept(head: RequestHead): void {
    this.#head = head;
    const request = admit(head, this.context.pseudonym);
    const { introduced, destinations } = this.context;
    if (introduced && destinations.dependsOnStranger(request.target, this.address)) {
      this.#state = 'waiting';
      this.#deadlineMs = Infinity;
      void introduced(this.address).then(() => this.#introduced(request));
    } else this.#send(request);
  }

  /** It is known who has called, or will not be. */
  #introduced(request: AdmittedRequest): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'open';
    try {
      this.#send(request);
    } catch (error) {
      this.refused(refusalFor(error));
    }
    this.#proceed();
  }

  #send(request: AdmittedRequest): void {
    if (request.head.method === 'CONNECT') return this.#connect(request.target);
    this.#exchange = new Exchange(this.context, this, request);
    this.#exchange.start();
  }

  #connect(target: RequestTarget): void {
    this.#state = 'dialing';
    this.#deadlineMs = Infinity;
    const seeker = {
      // Attempts and the waiting room have bounds of their own.
      connecting: () => {},
      queued: () => {},
      connected: () => {
        this.#dialing = undefined;
        const { upstream, connection } = attempts.handOver();
        this.socket.write('HTTP/1.1 200 Connection Established\r\n\r\n', 'latin1');
        this.#startTunnel(upstream, connection, undefined);
      },
      refused: (refusal: Refusal) => {
        this.#dialing = undefined;
        this.#state = 'open';
        this.refused(refusal);
      },
    };
    const attempts = new Attempts(this.context, seeker, target, this.address, 'tunnel');
    this.#dialing = attempts;
    attempts.start();
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
    const held = this.#reader.clear();
    if (held) endpoint.write(held);
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
    this.#reader.clear();
    this.within(lingerMs);
    this.socket.end();
    this.socket.resume();
    // The caller has ended before: nothing is left to wait for.
    if (this.socket.readableEnded) this.socket.destroySoon();
  }

  /** Reads no more than can be passed on soon. */
  #updateFlow(): void {
    const pause = this.#stalled || (this.#reader.held?.length ?? 0) > heldBytes;
    if (pause === this.#paused || this.#state === 'tunnel' || this.#state === 'lingering') return;
    this.#paused = pause;
    if (pause) this.socket.pause();
    else this.socket.resume();
  }
}

/** `10.0.0.7` of `::ffff:10.0.0.7`. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
