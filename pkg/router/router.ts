import { backoffMs } from '../base/backoff';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { DisposableStore } from '../base/disposable';
import { PreconditionError, messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import { endpointsOf } from '../registry/endpoints';
import type { Changes, Entry, Follower, RegistryView } from '../registry/types';
import type { Route } from '../resource/objects';
import { compileRoute } from '../routing/compile';
import { compareRoutes } from '../routing/order';
import type { CompiledRoute } from '../routing/types';
import { boundAccessLog } from './access-log';
import { Addresses, type ResolveHost } from './addresses';
import type { Backend } from './backend';
import { DataPlane } from './data-plane';
import { Drains, type ServerRef } from './drains';
import type { HaproxyProcess } from './haproxy-process';
import { Holder, holdSocketOf } from './holder';
import { expandsService } from './match-table';
import { nearestRoutes } from './nearest-routes';
import type { RouteSource } from './route-source';
import { serverName, serversOf } from './servers';
import type { Service } from './service-names';
import { serviceKey, serviceOf } from './service-names';
import type { Ports, Settings, Times } from './settings';
import { defaultTimes } from './settings';
import type { TrafficReport } from './traffic-report';

const backoff = { startMs: 100, capMs: 5_000, jitter: 0.2 } as const;
const watchMs = 500;
// Reloads are few: changes of routes that come together are one.
const routesSettleMs = 20;

export interface RouterOptions {
  readonly registry: RegistryView & {
    /** Of a mirror: before, it knows nothing, not that there is nothing. */
    whenSynced?(): Promise<void>;
  };
  readonly routes: RouteSource;
  readonly haproxy: HaproxyProcess;
  /** Whose machine it runs on. */
  readonly executor: string;
  readonly ports: Ports;
  readonly maxConnections: number;
  /** Counts what is sent to services, and tells it. Absent: nobody is told. */
  readonly traffic?: TrafficReport;
  /** For how long a request waits for an instance of a service that may have none. */
  readonly holdMs?: number;
  /** Resolves the names of hosts that were announced so. */
  readonly resolve: ResolveHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly user?: string;
  readonly group?: string;
  readonly times?: Partial<Times>;
  /** For how long a withdrawal waits for what is under way. */
  readonly drainMs?: number;
  /** For how long connections may go on when the router is told to end. */
  readonly stopMs?: number;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Keeps HAProxy in step with the routes and the registry. Endpoints change at runtime, routes with a reload. */
export class Router implements Follower {
  readonly name = 'router';
  readonly #options: RouterOptions;
  readonly #plane: DataPlane;
  readonly #drains: Drains;
  readonly #addresses: Addresses;
  readonly #holder: Holder;
  readonly #holdSocket: string;
  #routes: readonly CompiledRoute[] | undefined;
  #held: ReadonlySet<string> = new Set();
  #registryKnown = false;
  #structureDirty = true;
  #sweepWanted = false;
  #knownServices: ReadonlySet<string> = new Set();
  readonly #dirty = new Set<string>();
  #waiting: Waiting[] = [];
  #wake: () => void = () => {};
  #woken = false;

  constructor(options: RouterOptions) {
    this.#options = options;
    const { haproxy, registry, executor, clock, log, ports, maxConnections, user, group } = options;
    this.#holdSocket = holdSocketOf(haproxy.directory);
    this.#addresses = new Addresses({ resolve: options.resolve, clock, onChange: () => this.#everything() });
    const settings: Settings = {
      ...{ ports, maxConnections, user, group, socket: haproxy.socket, hold: this.#holdSocket },
      times: { ...defaultTimes, ...options.times },
    };
    const addressOf = (host: string) => this.#addresses.of(host);
    const serversIn = ({ service, routes: [route] }: Backend) =>
      service ? serversOf(service, route.route.spec.weights, { registry, executor, addressOf }) : [];
    this.#plane = new DataPlane({ haproxy, settings, log, serversIn, held: () => this.#held });
    this.#holder = new Holder({
      ...{ clock, log, holdMs: options.holdMs, traffic: options.traffic?.counters },
      endpoints: (service) => serversOf(service, [], { registry, executor, addressOf }),
      unknown: (request) => nearestRoutes(request.unknown ?? '', request, this.#routes ?? []),
      onWaiting: () => options.traffic?.soon(),
    });
    this.#drains = new Drains({ haproxy, clock, patienceMs: options.drainMs ?? 600_000 });
  }

  /** Serves until the signal; then HAProxy ends what is under way, and ends. */
  async run(signal: AbortSignal): Promise<void> {
    const { haproxy, registry, routes, clock, log, traffic } = this.#options;
    if (!(await this.#plane.revive(signal))) {
      // Nothing of last time to be lost: better to say that there is no route, or no instance, than not to be there.
      this.#routes = [];
      this.#registryKnown = true;
    }
    this.#wakeUp();
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    const following = new DisposableStore();
    void Promise.resolve(registry.whenSynced?.()).then(() => following.add(registry.follow(this)));
    const onAbort = () => this.#wakeUp();
    either.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([
        this.#loop(either),
        Promise.all([
          routes.follow((table, held) => this.#onRoutes(table, held), either),
          this.#addresses.run(either),
          this.#watch(either),
          traffic?.run(haproxy, either),
          this.#holder.listen(this.#holdSocket, either),
          boundAccessLog(
            {
              path: haproxy.accessLog.path,
              makeAppend: () => haproxy.makeLogAppend(),
              wasCut: () => haproxy.logWasCut(),
              ...{ clock, log },
            },
            either,
          ),
        ]),
      ]);
    } finally {
      ended.abort(new Error('the router has ended'));
      following.dispose();
      this.#holder.close();
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the router has ended'));
    }
    await haproxy.stop(this.#options.stopMs ?? 10_000);
  }

  /** Of the registry: resolves once nothing goes to what is withdrawn, and what was under way there has ended. */
  async apply(changes: Changes): Promise<void> {
    this.#registryKnown = true;
    for (const entry of [...changes.announced, ...changes.withdrawn]) this.#touch(entry);
    this.#holder.changed(new Set(changes.announced.map(serviceKey)));
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#wakeUp();
    });
    await this.#drains.quiet(changes.withdrawn.flatMap((entry) => this.#serversOf(entry)));
  }

  /** All servers that stand for the entry, and are no more in use. */
  #serversOf(entry: Entry): ServerRef[] {
    const { executor } = this.#options;
    return endpointsOf([entry], { executor }).flatMap((endpoint) => {
      const address = this.#addresses.of(endpoint.address);
      if (address === undefined) return [];
      const server = serverName({ ...endpoint, address });
      return this.#plane
        .backendsOf(serviceKey(entry))
        .filter(({ name }) => !this.#plane.serves(name, server))
        .map(({ name }) => ({ backend: name, server }));
    });
  }

  #touch(service: Service): void {
    const key = serviceKey(service);
    this.#dirty.add(key);
    // Perhaps one that a route with variables leads to, and nobody has heard of before.
    if (!this.#knownServices.has(key) && this.#routes?.some(expandsService)) this.#structureDirty = true;
  }

  #everything(): void {
    this.#structureDirty = true;
    this.#wakeUp();
  }

  #onRoutes(table: readonly Route[], held: readonly string[] = []): void {
    const { log } = this.#options;
    this.#held = new Set(held);
    const compiled = table.flatMap((route) => {
      try {
        return [compileRoute(route)];
      } catch (error) {
        // Of a newer control plane: the others are served.
        log.error('a route cannot be understood', { route: route.metadata.name, error: messageOf(error) });
        return [];
      }
    });
    this.#routes = compiled.sort(compareRoutes);
    this.#everything();
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      if (!this.#woken) await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#woken = false;
      if (signal.aborted) return;
      // What HAProxy serves is better than what is made of half of what there is to know.
      if (!this.#routes || !this.#registryKnown) {
        await this.#plane.revive(signal);
        continue;
      }
      if (this.#structureDirty) await sleep(clock, routesSettleMs, signal).catch(() => {});
      if (signal.aborted) return;
      const waiting = this.#waiting.splice(0);
      try {
        await this.#step(this.#routes, signal);
        if (failures > 0) log.info('HAProxy is in step again');
        failures = 0;
        for (const { resolve } of waiting) resolve();
      } catch (error) {
        if (signal.aborted) return;
        // Not installed: that is for a person to mend.
        if (error instanceof PreconditionError) throw error;
        this.#plane.doubt();
        this.#structureDirty = true;
        this.#waiting.unshift(...waiting);
        log.warn('HAProxy could not be brought in step', { error: messageOf(error) });
        await sleep(clock, backoffMs(backoff, failures++, random), signal).catch(() => {});
        this.#wakeUp();
      }
    }
  }

  async #step(routes: readonly CompiledRoute[], signal: AbortSignal): Promise<void> {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    if (this.#structureDirty) {
      this.#structureDirty = false;
      const known = this.#known();
      this.#knownServices = new Set(known.map(serviceKey));
      await this.#plane.takeUp(routes, known, signal);
    } else if (dirty.length > 0) await this.#plane.update(dirty);
    if (dirty.length > 0) this.#sweepWanted = true;
    else if (this.#sweepWanted) this.#sweepWanted = await this.#plane.sweep();
  }

  #known(): Service[] {
    const { registry } = this.#options;
    const known = registry
      .formations()
      .flatMap((formation) => registry.services(formation).map((service) => ({ service, formation })));
    // One that has had no instance for long is forgotten by the registry.
    const names = new Set(known.map(serviceKey));
    const held = [...this.#held].filter((key) => !names.has(key)).map(serviceOf);
    return [...known, ...held];
  }

  /** Starts HAProxy again when it has ended, and removes what is left of servers. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { haproxy, clock, log } = this.#options;
    let running = true;
    while (!signal.aborted) {
      await sleep(clock, watchMs, signal).catch(() => {});
      if (signal.aborted) return;
      const runs = haproxy.pid() !== undefined;
      if (!runs && this.#plane.hasFiles) {
        if (running) log.error('HAProxy has ended: starting it again');
        this.#plane.doubt();
        this.#everything();
      }
      running = runs;
      if (this.#sweepWanted) this.#wakeUp();
    }
  }

  #wakeUp(): void {
    this.#woken = true;
    this.#wake();
  }
}
