import type { AdmittedRequest } from './admission';
import { Attempts, type AttemptsContext, type Seeker } from './attempts';
import { bodyOf, type Body } from './body';
import type { Connection, ConnectionUser } from './connection';
import { forwardedRequest, forwardedResponse } from './forward';
import { responseFraming } from './framing';
import { findHeadEnd, headEndBytes, parseResponseHead, type ResponseHead } from './head';
import type { ProxyOptions } from './options';
import { endsWithResponse, keptForMs, staysOpen } from './persistence';
import { Refusal, refusalFor } from './refusal';
import { type BodySink, ResponseBody } from './response-body';
import type { Upstream } from './upstream';
import { writeBoth } from './write';

/** The caller's side of an exchange. */
export interface CallerSide {
  readonly address: string;
  /** False: wait for `callerDrained`. */
  write(text: string, data?: Buffer): boolean;
  writeData(data: Buffer): boolean;
  /** The exchange takes more of the request's body. */
  wantsMore(): void;
  pauseRequest(): void;
  resumeRequest(): void;
  /** Until when something has to happen; `expired` is called where nothing has. */
  within(ms: number): void;
  /** The response is sent. */
  finished(how: { readonly close: boolean }): void;
  /** Nothing of a response is sent yet: this is it. */
  refused(refusal: Refusal): void;
  /** The response cannot be completed: the caller has to see that. */
  broken(): void;
  /** Both have changed the protocol. @param early what the endpoint has sent already */
  upgraded(upstream: Upstream, connection: Connection, early: Buffer | undefined): void;
}

export interface ExchangeContext extends AttemptsContext {
  readonly options: ProxyOptions;
  readonly pseudonym: string;
}

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
const maxInterimResponses = 32;

/** One request and its response, on its way through the proxy. */
export class Exchange implements Seeker, ConnectionUser, BodySink {
  readonly #body: Body;
  readonly #startMs: number;
  readonly #attempts: Attempts;
  #phase: 'seeking' | 'waiting' | 'responding' | 'ended' = 'seeking';
  #connection: Connection | undefined;
  #requestText: string | undefined;
  /** The beginning of a response's head. */
  #partial: Buffer | undefined;
  #heard = false;
  #interim = 0;
  #response: ResponseBody | undefined;
  /** The answer is one of 5xx. */
  #failed = false;
  #keepUpstream = false;
  #closeCaller = false;
  #upstreamStalls = false;
  #callerStalls = false;

  constructor(
    private readonly context: ExchangeContext,
    private readonly caller: CallerSide,
    private readonly request: AdmittedRequest,
  ) {
    const { head, framing, target } = request;
    this.#body = bodyOf(framing, 400);
    this.#startMs = context.clock.monotonic();
    const sought = this.#body.done && idempotent.has(head.method) ? 'repeatable' : 'once';
    this.#attempts = new Attempts(context, this, target, caller.address, sought);
  }

  /** All of the request's body has arrived. */
  get requestDone(): boolean {
    return this.#body.done;
  }

  start(): void {
    this.#attempts.start();
  }

  connecting(): void {
    const { resolveMs, connectMs, tries } = this.context.options;
    this.caller.within(resolveMs + connectMs * tries);
  }

  queued(): void {
    this.caller.within(Infinity);
  }

  /** Sends the request. */
  connected(connection: Connection): void {
    const { head, target } = this.request;
    this.#connection = connection;
    this.#phase = 'waiting';
    this.#requestText = forwardedRequest(head, target, this.request);
    connection.user = this;
    // A body's first piece goes out together with the head, where it is there already.
    if (!this.#body.done) this.caller.wantsMore();
    if (this.#requestText !== undefined && this.#connection === connection) {
      connection.socket.write(this.#requestText, 'latin1');
      this.#requestText = undefined;
    }
    if (this.#phase === 'waiting') this.#await();
  }

  /** Answers in the place of an endpoint. */
  refused(refusal: Refusal): void {
    if (this.#phase === 'ended') return;
    if (this.#phase === 'responding') return this.#break();
    // What the caller does wrong is no failure of the instance.
    if (refusal.status >= 500) this.#attempts.upstream?.traffic?.count(1, 1);
    this.#release(false);
    this.caller.refused(refusal);
  }

  /** Passes on what belongs to the request's body. @returns how many bytes that was; 0 while there is no connection */
  takeRequest(buffer: Buffer): number {
    if (!this.#connection || this.#body.done) return 0;
    let taken: number;
    try {
      taken = this.#body.take(buffer, 0);
    } catch (error) {
      this.refused(refusalFor(error));
      return 0;
    }
    const data = taken === buffer.length ? buffer : buffer.subarray(0, taken);
    const text = this.#requestText;
    this.#requestText = undefined;
    const { socket } = this.#connection;
    const more = text === undefined ? socket.write(data) : writeBoth(socket, text, data);
    if (!more) {
      this.#upstreamStalls = true;
      this.caller.pauseRequest();
    }
    if (this.#phase === 'waiting') this.#await();
    return taken;
  }

  callerDrained(): void {
    if (!this.#callerStalls) return;
    this.#callerStalls = false;
    this.caller.within(this.context.options.responseBodyMs);
    this.#connection?.socket.resume();
  }

  /** The caller has gone. */
  abandoned(): void {
    if (this.#phase !== 'ended') this.#release(false);
  }

  /** What had to happen in time has not. */
  expired(): void {
    const { responseMs, requestBodyMs } = this.context.options;
    const { upstream } = this.#attempts;
    const label = this.#label();
    if (this.#phase === 'responding') {
      if (!this.#callerStalls) upstream?.failed();
      this.#break();
    } else if (this.#phase === 'seeking') {
      this.refused(new Refusal(504, `${label} took no connection in time`));
    } else if (this.#body.done || this.#upstreamStalls) {
      upstream?.failed();
      this.refused(new Refusal(504, `${label} did not answer within ${responseMs} ms`));
    } else {
      this.refused(new Refusal(408, `the request's body stopped for ${requestBodyMs} ms`));
    }
  }

  onDrain(): void {
    if (!this.#upstreamStalls) return;
    this.#upstreamStalls = false;
    this.caller.resumeRequest();
    if (this.#phase === 'waiting') this.#await();
  }

  onData(data: Buffer): void {
    this.#heard = true;
    try {
      if (this.#phase === 'waiting') this.#readHead(data);
      else this.#passBody(data, 0);
    } catch (error) {
      this.#attempts.upstream?.failed();
      this.refused(refusalFor(error));
    }
  }

  onEnd(): void {
    if (this.#phase === 'responding' && this.#response?.untilClose) this.#finish();
    else this.onBroken();
  }

  onBroken(): void {
    if (this.#phase === 'ended') return;
    if (this.#phase === 'responding') {
      this.#attempts.upstream?.failed();
      return this.#break();
    }
    const failure = new Refusal(502, `${this.#label()} closed the connection before it answered`);
    this.#phase = 'seeking';
    this.#connection = undefined;
    this.#attempts.broken(this.#heard, failure);
  }

  toCaller(text: string | undefined, data: Buffer | undefined): void {
    const { caller } = this;
    const more = text === undefined ? caller.writeData(data as Buffer) : caller.write(text, data);
    if (more || this.#callerStalls) return;
    this.#callerStalls = true;
    this.#connection?.socket.pause();
    caller.within(this.context.options.responseBodyMs);
  }

  #label(): string {
    const { target } = this.request;
    const where = this.#attempts.upstream?.endpoint?.entry;
    return where ? `${target.host} (${where.service}.${where.instance})` : `${target.host}:${target.port}`;
  }

  #await(): void {
    const { responseMs, requestBodyMs } = this.context.options;
    this.caller.within(this.#body.done || this.#upstreamStalls ? responseMs : requestBodyMs);
  }

  #readHead(data: Buffer): void {
    let searched = this.#partial?.length ?? 0;
    let buffer = this.#partial ? Buffer.concat([this.#partial, data]) : data;
    while (this.#phase === 'waiting') {
      const end = findHeadEnd(buffer, searched, this.context.options.headBytes);
      if (end === undefined) throw new Refusal(502, `${this.#label()} answered with a head that is too long`);
      if (end < 0) {
        this.#partial = buffer.length > 0 ? buffer : undefined;
        return;
      }
      this.#partial = undefined;
      searched = 0;
      const head = parseResponseHead(buffer.toString('latin1', 0, end));
      const rest = end + headEndBytes;
      if (head.status >= 200) return this.#respond(head, buffer, rest);
      buffer = buffer.subarray(rest);
      if (head.status === 101) return this.#switch(head, buffer);
      this.#interimResponse(head);
    }
  }

  #interimResponse(head: ResponseHead): void {
    if (++this.#interim > maxInterimResponses)
      throw new Refusal(502, `${this.#label()} does not come to an answer`);
    if (this.request.head.minor === 0) return;
    this.caller.write(forwardedResponse(head, this.context.pseudonym, { close: false, chunked: false }));
    this.#await();
  }

  #switch(head: ResponseHead, early: Buffer): void {
    const { upgrade } = this.request;
    if (upgrade === undefined)
      throw new Refusal(502, `${this.#label()} changed the protocol without being asked`);
    if (!this.#body.done) throw new Refusal(502, `${this.#label()} changed the protocol within the request`);
    const protocol = head.fields.find(({ key }) => key === 'upgrade')?.value ?? upgrade;
    this.#phase = 'ended';
    this.#connection = undefined;
    const { upstream, connection } = this.#attempts.handOver();
    upstream.succeeded();
    upstream.traffic?.count(1, 0);
    this.caller.write(
      forwardedResponse(head, this.context.pseudonym, { close: false, chunked: false, upgrade: protocol }),
    );
    this.caller.upgraded(upstream, connection, early.length > 0 ? early : undefined);
  }

  #respond(head: ResponseHead, buffer: Buffer, offset: number): void {
    const { request, caller, context } = this;
    const { upstream } = this.#attempts;
    const framing = responseFraming(head, request.head.method);
    if (head.status === 502 || head.status === 503 || head.status === 504) upstream?.failed();
    else upstream?.succeeded();
    this.#failed = head.status >= 500;
    upstream?.traffic?.count(1, this.#failed ? 1 : 0);
    this.#keepUpstream = framing.kind !== 'close' && this.#body.done && staysOpen(head);
    const keptMs = this.#keepUpstream ? keptForMs(head) : undefined;
    if (keptMs !== undefined && this.#connection) this.#connection.hintMs = keptMs;
    this.#closeCaller = !this.#body.done || endsWithResponse(request.head);
    this.#response = new ResponseBody(framing, request.head.minor, this);
    const { chunked } = this.#response;
    const text = forwardedResponse(head, context.pseudonym, { close: this.#closeCaller, chunked });
    this.#phase = 'responding';
    caller.within(context.options.responseBodyMs);
    this.#passBody(buffer, offset, text);
  }

  /** @param head the response's, where it is not sent yet */
  #passBody(buffer: Buffer, offset: number, head?: string): void {
    const response = this.#response as ResponseBody;
    const end = response.pass(buffer, offset, head);
    if (!this.#callerStalls) this.caller.within(this.context.options.responseBodyMs);
    // Bytes that nobody asked for would be taken for the next request's answer.
    if (end < buffer.length) this.#keepUpstream = false;
    if (response.done) this.#finish();
  }

  #finish(): void {
    this.#response?.end();
    const tookMs = this.context.clock.monotonic() - this.#startMs;
    const { upstream } = this.#attempts;
    upstream?.counters.took(tookMs);
    upstream?.traffic?.took(tookMs);
    this.#release(this.#keepUpstream);
    this.caller.finished({ close: this.#closeCaller });
  }

  #break(): void {
    // Half an answer is none, unless it is the caller who does not take the rest.
    if (!this.#failed && !this.#callerStalls) this.#attempts.upstream?.traffic?.count(0, 1);
    this.#release(false);
    this.caller.broken();
  }

  /** It has ended. */
  #release(keep: boolean): void {
    this.#phase = 'ended';
    if (keep && this.#callerStalls) this.#connection?.socket.resume();
    this.#connection = undefined;
    this.#attempts.end(keep);
  }
}
