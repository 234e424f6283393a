import type { Clock } from '../base/clock';
import type { ReleaseTraffic } from '../metrics/traffic-counters';
import { bodyOf, type Body } from './body';
import { ChunkedBody } from './chunked';
import type { Connection, ConnectionUser } from './connection';
import type { Destinations } from './destinations';
import { DialError } from './dialer';
import { forwardedRequest, forwardedResponse } from './forward';
import { responseFraming, type Framing } from './framing';
import { listOf, parseResponseHead, type RequestHead, type ResponseHead } from './head';
import type { ProxyOptions } from './options';
import { Refusal } from './refusal';
import type { RequestTarget } from './target';
import type { Upstream } from './upstream';
import { Shortage, type Waiter, type WaitingRoom } from './waiting-room';
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

export interface ExchangeContext {
  readonly clock: Clock;
  readonly options: ProxyOptions;
  readonly pseudonym: string;
  readonly destinations: Destinations;
  readonly room: WaitingRoom;
}

export interface ExchangeRequest {
  readonly head: RequestHead;
  readonly target: RequestTarget;
  readonly via: string;
  readonly framing: Framing;
  readonly upgrade: string | undefined;
}

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/** An endpoint may close a connection that is not used at any moment: what cannot be repeated takes no old one. */
const unrepeatableIdleMs = 1_000;
const maxInterimResponses = 32;
/** A server closes its unused connections a little before or after it has said: by so much earlier we do. */
const hintMarginMs = 1_000;
const headEnd = Buffer.from('\r\n\r\n');

/** One request and its response, on its way through the proxy. */
export class Exchange implements ConnectionUser, Waiter {
  readonly #body: Body;
  readonly #startMs: number;
  readonly #repeatable: boolean;
  #upstream: Upstream | undefined;
  #connection: Connection | undefined;
  /** Of whom the answer is, or of whom it would have been. */
  #traffic: ReleaseTraffic | undefined;
  #tried: Set<Upstream> | undefined;
  #failures = 0;
  /** A connection was closed when it was taken: the others of that time may be too. */
  #onlyNew = false;
  #phase: 'queued' | 'connecting' | 'waiting' | 'responding' | 'ended' = 'connecting';
  #requestText: string | undefined;
  /** The beginning of a response's head. */
  #partial: Buffer | undefined;
  #heard = false;
  #interim = 0;
  #responseBody: Body | undefined;
  #responseFraming: 'as is' | 'to chunks' | 'from chunks' = 'as is';
  /** The response ends with its connection. */
  #untilClose = false;
  /** The answer is one of 5xx. */
  #failed = false;
  #keepUpstream = false;
  #closeCaller = false;
  #upstreamStalls = false;
  #callerStalls = false;

  constructor(
    private readonly context: ExchangeContext,
    private readonly caller: CallerSide,
    private readonly request: ExchangeRequest,
  ) {
    this.#body = bodyOf(request.framing, 400);
    this.#startMs = context.clock.monotonic();
    this.#repeatable = this.#body.done && idempotent.has(request.head.method);
  }

  /** All of the request's body has arrived. */
  get requestDone(): boolean {
    return this.#body.done;
  }

  start(): void {
    this.#again(undefined);
  }

  again(): Shortage | undefined {
    try {
      this.#try();
    } catch (error) {
      if (error instanceof Shortage) return error;
      this.#refuse(error);
    }
    return undefined;
  }

  turnedAway(refusal: Refusal): void {
    this.#refuse(refusal);
  }

  /** Passes on what belongs to the request's body. @returns how many bytes that was; 0 while there is no connection */
  takeRequest(buffer: Buffer, offset: number): number {
    if (this.#phase === 'connecting' || this.#phase === 'ended' || !this.#connection) return 0;
    if (this.#body.done) return 0;
    let taken: number;
    try {
      taken = this.#body.take(buffer, offset);
    } catch (error) {
      this.#refuse(error);
      return 0;
    }
    const whole = offset === 0 && taken === buffer.length;
    const data = whole ? buffer : buffer.subarray(offset, offset + taken);
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
    if (this.#phase === 'ended') return;
    this.#release(false);
  }

  /** What had to happen in time has not. */
  expired(): void {
    const { options } = this.context;
    const label = this.#label();
    if (this.#phase === 'responding') {
      if (!this.#callerStalls) this.#upstream?.failed();
      this.#break();
    } else if (this.#phase === 'connecting') {
      this.#refuse(new Refusal(504, `${label} took no connection in time`));
    } else if (this.#body.done || this.#upstreamStalls) {
      this.#upstream?.failed();
      this.#refuse(new Refusal(504, `${label} did not answer within ${options.responseMs} ms`));
    } else {
      this.#refuse(new Refusal(408, `the request's body stopped for ${options.requestBodyMs} ms`));
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
      else this.#readBody(data, 0);
    } catch (error) {
      this.#upstream?.failed();
      if (this.#phase === 'responding') this.#break();
      else this.#refuse(error);
    }
  }

  onEnd(): void {
    if (this.#phase === 'responding' && this.#untilClose) this.#finish(undefined);
    else this.onBroken();
  }

  onBroken(): void {
    if (this.#phase === 'ended') return;
    const upstream = this.#upstream as Upstream;
    if (this.#phase === 'responding') {
      upstream.failed();
      return this.#break();
    }
    // An unused connection that was closed just when it was taken says nothing about the endpoint.
    const worn = (this.#connection?.uses ?? 0) > 0;
    if (!worn || this.#heard) upstream.failed();
    if (worn) this.#onlyNew = true;
    else (this.#tried ??= new Set()).add(upstream);
    const label = this.#label();
    this.#detach();
    const failure = new Refusal(502, `${label} closed the connection before it answered`);
    if (this.#heard || !this.#repeatable) return this.#refuse(failure);
    this.#failures++;
    this.#again(failure);
  }

  #label(): string {
    const { target } = this.request;
    const where = this.#upstream?.endpoint?.entry;
    return where ? `${target.host} (${where.service}.${where.instance})` : `${target.host}:${target.port}`;
  }

  #try(): void {
    const { clock, destinations, options } = this.context;
    const destination = destinations.find(this.request.target, this.caller.address);
    const upstream = destinations.choose(destination, this.#tried);
    const nowMs = clock.monotonic();
    this.#upstream = upstream;
    this.#traffic = upstream.traffic;
    this.#phase = 'connecting';
    upstream.began(nowMs);
    const connection = this.#onlyNew
      ? undefined
      : upstream.take(nowMs, this.#repeatable ? Infinity : unrepeatableIdleMs);
    if (connection) return this.#send(connection);
    this.caller.within(options.resolveMs + options.connectMs * options.tries);
    upstream.open().then(
      (opened) => {
        if (this.#phase !== 'connecting' || this.#upstream !== upstream) {
          upstream.release(opened, clock.monotonic());
        } else if (upstream.withdrawn) {
          opened.destroy();
          this.#detach();
          this.#again(undefined);
        } else {
          this.#send(opened);
        }
      },
      (error: unknown) => this.#notConnected(upstream, error),
    );
  }

  #notConnected(upstream: Upstream, error: unknown): void {
    const dial = error instanceof DialError ? error : new DialError('unreachable', String(error));
    upstream.failed(dial.kind === 'absent');
    if (this.#phase !== 'connecting' || this.#upstream !== upstream) return;
    this.#detach();
    (this.#tried ??= new Set()).add(upstream);
    // To be refused costs nothing: all others may be asked. To wait does.
    if (dial.kind !== 'absent') this.#failures++;
    const unknown =
      dial.kind === 'absent' && !upstream.endpoint
        ? this.context.destinations.unknownHost(
            this.context.destinations.find(this.request.target, this.caller.address),
          )
        : undefined;
    this.#again(unknown ?? refusalOf(dial, this.request.target.host));
  }

  /** Nothing has been sent, or nothing that may not be sent again. */
  #again(failure: Refusal | undefined): void {
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
    this.#phase = 'queued';
    // The room says how long.
    this.caller.within(Infinity);
    try {
      this.context.room.wait(shortage, this);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #send(connection: Connection): void {
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

  #await(): void {
    const { responseMs, requestBodyMs } = this.context.options;
    this.caller.within(this.#body.done || this.#upstreamStalls ? responseMs : requestBodyMs);
  }

  #readHead(data: Buffer): void {
    const before = this.#partial?.length ?? 0;
    let buffer = this.#partial ? Buffer.concat([this.#partial, data]) : data;
    let searchFrom = Math.max(0, before - 3);
    while (this.#phase === 'waiting') {
      const end = buffer.indexOf(headEnd, searchFrom);
      if (
        end > this.context.options.headBytes ||
        (end < 0 && buffer.length > this.context.options.headBytes)
      ) {
        throw new Refusal(502, `${this.#label()} answered with a head that is too long`);
      }
      if (end < 0) {
        this.#partial = buffer.length > 0 ? buffer : undefined;
        return;
      }
      this.#partial = undefined;
      searchFrom = 0;
      const head = parseResponseHead(buffer.toString('latin1', 0, end));
      const rest = end + headEnd.length;
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
    const [upstream, connection] = [this.#upstream as Upstream, this.#connection as Connection];
    upstream.succeeded();
    this.#traffic?.count(1, 0);
    this.#phase = 'ended';
    this.caller.write(
      forwardedResponse(head, this.context.pseudonym, { close: false, chunked: false, upgrade: protocol }),
    );
    this.caller.upgraded(upstream, connection, early.length > 0 ? early : undefined);
  }

  #respond(head: ResponseHead, buffer: Buffer, offset: number): void {
    const { request, caller, context } = this;
    const upstream = this.#upstream as Upstream;
    const framing = responseFraming(head, request.head.method);
    if (head.status === 502 || head.status === 503 || head.status === 504) upstream.failed();
    else upstream.succeeded();
    this.#traffic?.count(1, head.status >= 500 ? 1 : 0);
    this.#failed = head.status >= 500;
    const connection = listOf(head.fields, 'connection');
    this.#untilClose = framing.kind === 'close';
    this.#keepUpstream =
      framing.kind !== 'close' &&
      this.#body.done &&
      (head.minor === 1 ? !connection.includes('close') : connection.includes('keep-alive'));
    if (this.#keepUpstream) this.#noteHint(head);
    const old = request.head.minor === 0;
    this.#closeCaller =
      old || !this.#body.done || listOf(request.head.fields, 'connection').includes('close');
    if (framing.kind === 'close' && !old) this.#responseFraming = 'to chunks';
    if (framing.kind === 'chunked' && old) this.#responseFraming = 'from chunks';
    this.#responseBody =
      this.#responseFraming === 'from chunks'
        ? new ChunkedBody(502, (data) => this.#toCaller(() => caller.writeData(data)))
        : bodyOf(framing, 502);
    const chunked = !old && (framing.kind === 'chunked' || framing.kind === 'close');
    const text = forwardedResponse(head, context.pseudonym, { close: this.#closeCaller, chunked });
    this.#phase = 'responding';
    caller.within(context.options.responseBodyMs);
    if (offset === buffer.length || this.#responseFraming !== 'as is' || this.#responseBody.done) {
      this.#toCaller(() => caller.write(text));
      this.#readBody(buffer, offset);
    } else {
      this.#readBody(buffer, offset, text);
    }
  }

  #noteHint(head: ResponseHead): void {
    const hint = head.fields.find(({ key }) => key === 'keep-alive')?.value;
    const seconds = hint && /(?:^|[,\s])timeout=(\d{1,6})/i.exec(hint)?.[1];
    if (seconds) (this.#connection as Connection).hintMs = Number(seconds) * 1_000 - hintMarginMs;
  }

  /** @param text the response's head, where it is not sent yet */
  #readBody(buffer: Buffer, offset: number, text?: string): void {
    const body = this.#responseBody as Body;
    const { caller } = this;
    if (offset === buffer.length && !body.done) return;
    const taken = body.done ? 0 : body.take(buffer, offset);
    const end = offset + taken;
    if (taken > 0) {
      const data = offset === 0 && end === buffer.length ? buffer : buffer.subarray(offset, end);
      if (this.#responseFraming === 'as is') {
        this.#toCaller(() => (text === undefined ? caller.writeData(data) : caller.write(text, data)));
      } else if (this.#responseFraming === 'to chunks') {
        this.#toCaller(() => caller.write(`${data.length.toString(16)}\r\n`, data));
        this.#toCaller(() => caller.write('\r\n'));
      }
    }
    if (!this.#callerStalls) caller.within(this.context.options.responseBodyMs);
    if (body.done) this.#finish(end < buffer.length ? 'more than the response' : undefined);
  }

  #toCaller(write: () => boolean): void {
    if (write() || this.#callerStalls) return;
    this.#callerStalls = true;
    this.#connection?.socket.pause();
    this.caller.within(this.context.options.responseBodyMs);
  }

  #finish(surplus: 'more than the response' | undefined): void {
    if (this.#responseFraming === 'to chunks') this.caller.write('0\r\n\r\n');
    const tookMs = this.context.clock.monotonic() - this.#startMs;
    this.#upstream?.counters.took(tookMs);
    this.#traffic?.took(tookMs);
    // Bytes that nobody asked for would be taken for the next request's answer.
    this.#release(this.#keepUpstream && !surplus);
    this.caller.finished({ close: this.#closeCaller });
  }

  #break(): void {
    // Half an answer is none, unless it is the caller who does not take the rest.
    if (!this.#failed && !this.#callerStalls) this.#traffic?.count(0, 1);
    this.#release(false);
    this.caller.broken();
  }

  #refuse(error: unknown): void {
    if (this.#phase === 'ended') return;
    if (this.#phase === 'responding') return this.#break();
    // What the caller does wrong is no failure of the instance.
    if (!(error instanceof Refusal && error.status < 500)) this.#traffic?.count(1, 1);
    this.#release(false);
    this.caller.refused(
      error instanceof Refusal ? error : new Refusal(500, 'the proxy failed', { cause: error }),
    );
  }

  /** The exchange has ended. */
  #release(keep: boolean): void {
    if (this.#phase === 'queued') this.context.room.leave(this);
    this.#phase = 'ended';
    const [connection, upstream] = [this.#connection, this.#upstream];
    this.#connection = undefined;
    this.#upstream = undefined;
    if (connection && upstream && keep) {
      if (this.#callerStalls) connection.socket.resume();
      upstream.release(connection, this.context.clock.monotonic());
    } else {
      connection?.destroy();
    }
    upstream?.ended();
  }

  /** A try has ended, and another may follow. */
  #detach(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
    this.#upstream?.ended();
    this.#upstream = undefined;
    this.#partial = undefined;
  }
}

/** What the caller is told of a place that could not be connected to. */
export function refusalOf(error: DialError, host: string): Refusal {
  const message = error.message.startsWith(host) ? error.message : `${host}: ${error.message}`;
  switch (error.kind) {
    case 'absent':
    case 'unreachable':
      return new Refusal(502, message, { cause: error });
    case 'late':
      return new Refusal(504, message, { cause: error });
    case 'forbidden':
      return new Refusal(403, message, { cause: error });
    case 'loop':
      return new Refusal(508, message, { cause: error });
  }
}
