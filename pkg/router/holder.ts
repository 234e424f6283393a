import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { sleep, type Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { TrafficCounters } from '../metrics/traffic-counters';
import { formatServiceName, parseServiceName } from '../registry/service-name';
import type { ServiceName } from '../registry/types';
import { type HeldRequest, ownAnswer, readHeld } from './held-request';
import { serviceKey } from './service-names';

export interface HolderOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the service can be reached now. */
  readonly endpoints: (
    service: ServiceName,
  ) => readonly { readonly address: string; readonly port: number }[];
  /** What whoever has asked for what there is no route for is told. */
  readonly unknown: (request: HeldRequest) => string;
  readonly traffic?: TrafficCounters;
  /** Another number of requests is held than before. */
  readonly onWaiting?: () => void;
  readonly holdMs?: number;
  readonly maxHeld?: number;
}

/** How much of a body is taken while a request is held; the rest waits at the client's. */
const maxBodyBytes = 64 << 10;
const connectMs = 2_000;
const againMs = 250;
const headMs = 10_000;
const listenAgainMs = 200;

interface Held {
  readonly socket: Socket;
  readonly service: ServiceName;
  readonly head: Buffer;
  readonly body: Buffer[];
  bodyBytes: number;
  timers: Disposable[];
  connecting: boolean;
  over: boolean;
}

/**
 * The name of the socket by which HAProxy reaches the router of this directory: an abstract one, since its workers may
 * not look into directories of root's.
 */
export function holdSocketOf(directory: string): string {
  return `gilliam-${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`;
}

/**
 * Answers what HAProxy itself cannot: holds requests for services without an instance until there is one, and says which
 * names are nearest to one that there is no route for. When it is away HAProxy says plainly that there is nothing.
 */
export class Holder {
  readonly #options: Required<Pick<HolderOptions, 'holdMs' | 'maxHeld'>> & HolderOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held = new Map<string, Set<Held>>();
  #count = 0;
  #turn = 0;

  constructor(options: HolderOptions) {
    const { holdMs = 60_000, maxHeld = 1_000 } = options;
    this.#options = { ...options, holdMs, maxHeld };
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#take(socket));
  }

  /** Resolves once it listens: a router that is just ending may still do so. @param name as holdSocketOf says */
  async listen(name: string, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    for (let failed = false; !signal.aborted; failed = true) {
      const error = await new Promise<Error | undefined>((resolve) => {
        this.#server.once('error', resolve);
        // Padded: to the kernel the name of an abstract socket is as long as it is said to be.
        this.#server.listen(`\0${name}`.padEnd(108, '\0'), () => {
          this.#server.removeAllListeners('error');
          resolve(undefined);
        });
      });
      if (!error) return;
      if (!failed) log.warn('requests cannot be held: another router is there', { error: messageOf(error) });
      await sleep(clock, listenAgainMs, signal).catch(() => {});
    }
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The services have other instances than before. */
  changed(services: Iterable<string>): void {
    for (const service of services) for (const held of this.#held.get(service) ?? []) this.#pass(held);
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    const late = this.#options.clock.after(headMs, () => socket.destroy());
    let bytes = Buffer.alloc(0);
    const onData = (data: Buffer) => {
      bytes = Buffer.concat([bytes, data]);
      try {
        const request = readHeld(bytes);
        if (!request) return;
        late.dispose();
        socket.off('data', onData);
        this.#serve(socket, request);
      } catch {
        socket.destroy();
      }
    };
    socket.on('data', onData);
    socket.once('close', () => late.dispose());
  }

  #serve(socket: Socket, request: HeldRequest): void {
    const head = request.method === 'HEAD';
    if (request.unknown !== undefined) {
      socket.end(ownAnswer('404 Not Found', this.#options.unknown(request), { head }));
      return;
    }
    const service = parseServiceName(request.service ?? '');
    if (!service) return void socket.destroy();
    if (this.#count >= this.#options.maxHeld) {
      const reason = `no instance of ${formatServiceName(service)} serves, and ${this.#count} requests are held already`;
      socket.end(ownAnswer('503 Service Unavailable', reason, { head }));
      return;
    }
    this.#hold(socket, service, request);
  }

  #hold(socket: Socket, service: ServiceName, { bytes, method }: HeldRequest): void {
    const { clock, holdMs } = this.#options;
    const held: Held = {
      ...{ socket, service, head: bytes, body: [], bodyBytes: 0, timers: [] },
      ...{ connecting: false, over: false },
    };
    const key = serviceKey(service);
    const others = this.#held.get(key) ?? new Set();
    this.#held.set(key, others.add(held));
    this.#count++;
    this.#tell(service);
    const gone = () => {
      this.#release(held);
      socket.destroy();
    };
    socket.once('end', gone);
    socket.once('close', gone);
    socket.on('data', (data: Buffer) => {
      if (held.over) return;
      held.body.push(data);
      held.bodyBytes += data.length;
      if (held.bodyBytes > maxBodyBytes) socket.pause();
    });
    held.timers.push(
      clock.after(holdMs, () => {
        if (held.over) return;
        this.#release(held, 1);
        // Whatever is still sent is dropped: its end would not be seen otherwise.
        socket.resume();
        const reason = `no instance of ${formatServiceName(service)} has come up within ${holdMs / 1_000} s`;
        socket.end(ownAnswer('503 Service Unavailable', reason, { head: method === 'HEAD' }));
      }),
    );
    this.#pass(held);
  }

  /** To an instance, if there is one. */
  #pass(held: Held): void {
    if (held.over || held.connecting) return;
    const endpoints = this.#options.endpoints(held.service);
    const endpoint = endpoints[this.#turn++ % endpoints.length];
    if (!endpoint) return;
    held.connecting = true;
    const { clock } = this.#options;
    const upstream = connect({
      host: endpoint.address,
      port: endpoint.port,
      allowHalfOpen: true,
      noDelay: true,
    });
    const late = clock.after(connectMs, () => upstream.destroy(new Error('no connection in time')));
    upstream.once('connect', () => {
      late.dispose();
      upstream.removeAllListeners('error');
      if (held.over) upstream.destroy();
      else this.#join(held, upstream);
    });
    upstream.once('error', () => {
      late.dispose();
      upstream.destroy();
      held.connecting = false;
      // What is announced need not be there yet, or any more.
      if (!held.over) held.timers.push(clock.after(againMs, () => this.#pass(held)));
    });
  }

  #join(held: Held, upstream: Socket): void {
    const { socket, head, body } = held;
    this.#release(held);
    socket.removeAllListeners('end');
    socket.removeAllListeners('data');
    this.#sockets.add(upstream);
    upstream.on('error', () => socket.destroy());
    upstream.on('close', () => {
      this.#sockets.delete(upstream);
      // An answer that was cut off must not look like one that is complete: HAProxy sees which by its framing.
      if (!socket.writableEnded) socket.end();
    });
    socket.on('close', () => upstream.destroy());
    for (const piece of [head, ...body]) upstream.write(piece);
    socket.pipe(upstream);
    upstream.pipe(socket);
    socket.resume();
  }

  #release(held: Held, errors = 0): void {
    if (held.over) return;
    held.over = true;
    for (const timer of held.timers.splice(0)) timer.dispose();
    const key = serviceKey(held.service);
    const others = this.#held.get(key);
    others?.delete(held);
    if (others?.size === 0) this.#held.delete(key);
    this.#count--;
    this.#options.traffic?.of({ ...held.service, release: '' }).count(1, errors);
    this.#tell(held.service);
  }

  #tell(service: ServiceName): void {
    const waiting = this.#held.get(serviceKey(service))?.size ?? 0;
    this.#options.traffic?.of({ ...service, release: '' }).hold(waiting);
    this.#options.onWaiting?.();
  }
}
