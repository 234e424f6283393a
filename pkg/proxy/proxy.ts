import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { messageOf, PreconditionError } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { TrafficCounters } from '../metrics/traffic-counters';
import type { Changes, Follower, Identities, RegistryView } from '../registry/types';
import { outsideRules } from '../routing/outside';
import { Caller, type CallerContext } from './caller';
import type { Latencies } from './counters';
import { Destinations } from './destinations';
import { Dialer, resolveBySystem, type Resolve } from './dialer';
import { pseudonymOf } from './forward';
import { defaultProxyOptions, type ProxyOptions } from './options';
import { Refusal } from './refusal';
import { isThisMachine } from './this-machine';
import { WaitingRoom } from './waiting-room';

export interface ListenAddress {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
}

/** What has become of the requests to one endpoint of a service, since it was first used. */
export interface EndpointStats {
  readonly formation: string;
  readonly service: string;
  readonly instance: string;
  readonly release: string | undefined;
  /** `10.0.0.7:10000` */
  readonly address: string;
  /** Tries included: more than callers have sent. */
  readonly requests: number;
  readonly errors: number;
  /** CONNECT and upgrades, in all. */
  readonly tunnels: number;
  /** Requests and tunnels now. */
  readonly outstanding: number;
  readonly ejected: boolean;
  readonly latencies: Latencies;
}

export interface ProxyStats {
  /** Of callers, now. */
  readonly connections: number;
  /** Requests that wait for a connection, now. */
  readonly queued: number;
  readonly endpoints: readonly EndpointStats[];
}

/** How often times are looked at, at least: so much later at most is a time over. */
const sweepMs = 250;
/** Connections beyond the limit that are told so; those beyond are just closed. */
const toldBeyondLimit = 100;
const drainPollMs = 20;

/**
 * The HTTP proxy of an executor: instances reach services by name through it, and what is outside as far as the rules
 * allow. As a follower of the registry it confirms a withdrawal when nothing is under way to what is withdrawn.
 */
export class Proxy implements Follower {
  readonly name = 'proxy';
  readonly #options: ProxyOptions;
  readonly #sweepMs: number;
  readonly #destinations: Destinations;
  readonly #room: WaitingRoom;
  readonly #context: CallerContext;
  readonly #servers: Server[] = [];
  readonly #ports = new Set<number>();
  readonly #callers = new Set<Caller>();
  readonly #perCaller = new Map<string, number>();
  #following: Disposable | undefined;
  #sweeping: Disposable | undefined;
  #closing = false;

  constructor(
    private readonly settings: {
      readonly registry: RegistryView;
      readonly identities: Identities;
      /** The executor's name: endpoints on it are reached directly. */
      readonly executor: string;
      readonly clock: Clock;
      readonly random: Random;
      readonly log: Logger;
      readonly options?: Partial<ProxyOptions>;
      /** Of hosts outside; the system's by default. */
      readonly resolve?: Resolve;
      /** Whether an address is one of this machine's own; by default, as its interfaces say. */
      readonly isMachine?: (address: string) => boolean;
      /** Resolves once it may be known who is at an address. Absent: nobody is waited for. */
      readonly introduced?: (address: string) => Promise<void>;
      /** Which name has a virtual address. */
      readonly nameOf?: (address: string) => string | undefined;
      /** Whether the resolver of names listens there, which tells the machine more than instances. */
      readonly isResolver?: (address: string, port: number) => boolean;
      /** Told what becomes of requests to services, by release. */
      readonly traffic?: TrafficCounters;
      /** Whether a service that has no instance is scaled to none, and wakes when it is asked for. Default none is. */
      readonly held?: (service: { readonly service: string; readonly formation: string }) => boolean;
    },
  ) {
    const { registry, identities, executor, clock, random, log } = settings;
    const options = (this.#options = { ...defaultProxyOptions, ...settings.options });
    this.#sweepMs = sweepEvery(options);
    const dialer = new Dialer({
      clock,
      resolve: settings.resolve ?? resolveBySystem,
      resolveMs: options.resolveMs,
      connectMs: options.connectMs,
      isSelf: (address, port) => this.#ports.has(port) && isThisMachine(address),
      isResolver: settings.isResolver,
      isGuarded: (address, port) => this.#destinations.isGuarded(address, port),
      guardedHosts: (port) => this.#destinations.guardedHosts(port),
    });
    const rules = outsideRules(options.allow);
    this.#room = new WaitingRoom({ clock, options, traffic: settings.traffic });
    this.#destinations = new Destinations({
      registry,
      identities,
      isMachine: settings.isMachine ?? isThisMachine,
      nameOf: settings.nameOf,
      executor,
      rules,
      clock,
      random,
      dialer,
      options,
      traffic: settings.traffic,
      onPlace: (line) => this.#room.call(line),
      held: settings.held,
    });
    this.#context = {
      clock,
      log,
      options,
      pseudonym: pseudonymOf(executor),
      destinations: this.#destinations,
      room: this.#room,
      introduced: settings.introduced,
      onClosed: (caller) => this.#onClosed(caller),
    };
  }

  /** Listens, and follows the registry. @returns the ports, in the addresses' order */
  async listen(addresses: readonly ListenAddress[]): Promise<number[]> {
    const ports: number[] = [];
    for (const address of addresses) {
      const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
        this.#onConnection(socket);
      });
      await listenOn(server, address);
      this.#servers.push(server);
      const { port } = server.address() as AddressInfo;
      this.#ports.add(port);
      ports.push(port);
    }
    this.#following ??= this.settings.registry.follow(this);
    this.#sweepLater();
    return ports;
  }

  /** Takes no more, gives what is under way `graceMs`, then ends it. */
  async close(graceMs = 0): Promise<void> {
    this.#closing = true;
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    const untilMs = this.settings.clock.monotonic() + graceMs;
    while (this.settings.clock.monotonic() < untilMs && [...this.#callers].some(({ busy }) => busy)) {
      await new Promise<void>((resolve) => this.settings.clock.after(drainPollMs, resolve));
    }
    this.#following?.dispose();
    this.#sweeping?.dispose();
    for (const caller of this.#callers) caller.destroy();
    this.#room.close();
    this.#destinations.close();
    await Promise.all(closed);
  }

  apply(changes: Changes): Promise<void> {
    return this.#destinations.apply(changes);
  }

  stats(): ProxyStats {
    const nowMs = this.settings.clock.monotonic();
    const endpoints = [...this.#destinations.all()].flatMap((upstream): EndpointStats[] => {
      const entry = upstream.endpoint?.entry;
      if (!entry) return [];
      const { formation, service, instance } = entry;
      const { requests, errors, tunnels } = upstream.counters;
      const { address, outstanding } = upstream;
      const [release, ejected] = [entry.body.release, upstream.ejected(nowMs)];
      const latencies = upstream.counters.latencies();
      return [
        {
          formation,
          service,
          instance,
          release,
          address,
          requests,
          errors,
          tunnels,
          outstanding,
          ejected,
          latencies,
        },
      ];
    });
    return { connections: this.#callers.size, queued: this.#room.queued, endpoints };
  }

  #onConnection(socket: Socket): void {
    const { connections, connectionsPerCaller } = this.#options;
    if (this.#closing || this.#callers.size >= connections + toldBeyondLimit) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const caller = new Caller(socket, this.#context);
    this.#callers.add(caller);
    const count = (this.#perCaller.get(caller.address) ?? 0) + 1;
    this.#perCaller.set(caller.address, count);
    if (this.#callers.size > connections) {
      caller.turnAway(tooMany(`the proxy is at its limit of ${connections} connections`));
    } else if (count > connectionsPerCaller) {
      caller.turnAway(tooMany(`${caller.address} is at its limit of ${connectionsPerCaller} connections`));
    }
  }

  #onClosed(caller: Caller): void {
    if (!this.#callers.delete(caller)) return;
    const count = (this.#perCaller.get(caller.address) ?? 1) - 1;
    if (count > 0) this.#perCaller.set(caller.address, count);
    else this.#perCaller.delete(caller.address);
  }

  /** One timer for all connections: one for each would cost more than the requests. */
  #sweepLater(): void {
    const { clock } = this.settings;
    this.#sweeping?.dispose();
    this.#sweeping = clock.after(this.#sweepMs, () => {
      const nowMs = clock.monotonic();
      for (const caller of this.#callers) caller.sweep(nowMs);
      this.#destinations.sweep(nowMs);
      this.#sweepLater();
    });
  }
}

/** @throws {PreconditionError} where somebody else listens, or there is no such address */
function listenOn(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new PreconditionError(`the proxy cannot listen on ${host}:${port}: ${messageOf(error)}`, {
          cause: error,
        }),
      );
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function tooMany(message: string): Refusal {
  return new Refusal(503, `${message}: close some, or try again`, { retryAfterSeconds: 1 });
}

/** The times are looked at as often as the shortest of them asks for. */
function sweepEvery(options: ProxyOptions): number {
  const { headMs, requestBodyMs, responseMs, responseBodyMs, callerIdleMs, endpointIdleMs, tunnelIdleMs } =
    options;
  const shortest = Math.min(
    headMs,
    requestBodyMs,
    responseMs,
    responseBodyMs,
    callerIdleMs,
    endpointIdleMs,
    tunnelIdleMs,
  );
  return Math.max(10, Math.min(sweepMs, shortest / 4));
}
