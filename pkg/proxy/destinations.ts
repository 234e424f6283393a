import { isIP } from 'node:net';
import type { Clock } from '../base/clock';
import type { Random } from '../base/random';
import type { TrafficCounters } from '../metrics/traffic-counters';
import { type Asker, isGuarded, mayUse, meantBy } from '../registry/access';
import { endpointsOf, servicePortsOf } from '../registry/endpoints';
import { type GuardedPlaces, guardedPlaces } from '../registry/guarded-places';
import { formatServiceName, parseServiceName, SERVICE_SUFFIX } from '../registry/service-name';
import { trafficSharesOf, type TrafficShares } from '../registry/traffic-shares';
import type { Changes, Entry, EntryKey, Identities, RegistryView, ServiceName } from '../registry/types';
import type { OutsideRules } from '../routing/outside';
import { leastOutstanding } from './balance';
import type { Dialer, Place } from './dialer';
import { nearestNames } from './nearest-names';
import { Refusal } from './refusal';
import { chooseByShare, groupsOf, type ShareGroup } from './share-turns';
import type { RequestTarget } from './target';
import { Upstream, type UpstreamOptions } from './upstream';
import { type Line, Shortage } from './waiting-room';

/** What a target stands for: all the places that can answer. */
export interface Destination {
  /** As it was asked for: `web.shop.service`. */
  readonly label: string;
  /** Never empty. */
  readonly upstreams: readonly Upstream[];
  /** Where releases have shares of the requests. */
  readonly groups?: readonly ShareGroup<Upstream>[];
  /** Next in turn among equals. */
  turn: number;
  readonly untilMs: number;
  /** The service that a short name would have meant, where it went outside instead. */
  readonly short?: ServiceName;
  /** Who has asked for that. */
  readonly asker?: Asker;
}

type Service = Pick<ServiceName, 'service' | 'formation'>;

interface Places {
  readonly upstreams: readonly Upstream[];
  readonly shares: TrafficShares | undefined;
}

/** Changes are told; whether an entry is stale is not. */
const rememberMs = 1_000;
const maxRemembered = 10_000;
/** How long a place without connections is remembered, and its counters with it. */
const forgetMs = 600_000;
/** Shares are by where the turns begin, too. */
const manyTurns = 1_000_000;
/** `1.web`, `v2.web`: what stands before a short name. */
const shortWithPrefix = /^(?:v?\d+)\.[^.]+$/;

/** Knows for each target the places that can answer, and their connections. */
export class Destinations {
  readonly #known = new Map<string, Destination>();
  readonly #upstreams = new Map<string, Upstream>();
  #guarded: GuardedPlaces | undefined;
  /** By entry: those that a withdrawal is about. */
  readonly #byEntry = new Map<string, Set<Upstream>>();

  constructor(
    private readonly context: {
      readonly registry: RegistryView;
      readonly identities: Identities;
      /** Whether an address is one of this machine's own. */
      readonly isMachine: (address: string) => boolean;
      /** Which name has a virtual address. */
      readonly nameOf?: (address: string) => string | undefined;
      readonly executor: string;
      readonly rules: OutsideRules;
      readonly clock: Clock;
      readonly random: Random;
      readonly dialer: Pick<Dialer, 'connect'>;
      readonly options: UpstreamOptions;
      readonly traffic?: TrafficCounters;
      /** There may be a place for requests that wait in a line. */
      readonly onPlace?: (line: Line) => void;
      /** Whether a service that has no instance wakes when it is asked for. */
      readonly held?: (service: Service) => boolean;
    },
  ) {}

  /** @param caller the address it asks from @throws {Refusal} where there is nothing to send to */
  find(target: RequestTarget, caller: string): Destination {
    const { clock } = this.context;
    const { host, port } = target;
    const full = host.endsWith(`.${SERVICE_SUFFIX}`) || host.endsWith(`.${SERVICE_SUFFIX}.`);
    const asker = this.#askerAt(caller);
    const key = `${typeof asker === 'object' ? asker.formation : (asker ?? '?')}|${host}|${port}`;
    const nowMs = clock.monotonic();
    const known = this.#known.get(key);
    if (known && nowMs < known.untilMs) return known;
    const found = this.#resolve(target, asker, full, nowMs + rememberMs);
    this.#known.delete(key);
    this.#known.set(key, found);
    if (this.#known.size > maxRemembered) this.#known.delete(this.#known.keys().next().value as string);
    return found;
  }

  /** Whether nothing is known of the caller, and the target another thing to each: what is found may be another soon. */
  dependsOnStranger({ host }: RequestTarget, caller: string): boolean {
    if (this.#askerAt(caller) !== undefined) return false;
    const name = parseServiceName(host);
    if (!name) return !host.includes('.') || shortWithPrefix.test(host);
    const entries = this.context.registry.lookup(name);
    return entries.length === 0 || entries.some(isGuarded);
  }

  /**
   * The place that the next try of a request goes to.
   * @throws {Shortage} where all are full or tried
   */
  choose(destination: Destination, tried: ReadonlySet<Upstream> | undefined): Upstream {
    const nowMs = this.context.clock.monotonic();
    const { upstreams, groups, label } = destination;
    const turn = destination.turn++;
    const chosen = groups
      ? chooseByShare(groups, turn, nowMs, tried)
      : leastOutstanding(upstreams, turn, nowMs, tried);
    if (chosen) return chosen;
    const limit = this.context.options.connectionsPerEndpoint;
    const what = `limit of ${limit} connections per endpoint`;
    const [first] = upstreams as [Upstream];
    const want = tried?.size ? undefined : `${label}:${first.endpoint?.servicePort ?? ''}`;
    throw new Shortage('full', lineOf(first), label, what, want);
  }

  /** Says for a host outside that does not exist which services have such a name. */
  unknownHost(destination: Destination): Refusal | undefined {
    const { short, asker } = destination;
    return short && this.#unknown(short, asker, short.service);
  }

  /** Sends nothing new to what is withdrawn. Resolves when what was under way there has ended. */
  async apply(changes: Changes): Promise<void> {
    this.#known.clear();
    this.#guarded = undefined;
    const gone = changes.withdrawn.flatMap((entry) => this.#withdrawn(entry));
    for (const { service, formation } of [...changes.announced, ...changes.withdrawn]) {
      this.context.onPlace?.({ service, formation });
    }
    await Promise.all(gone.map((upstream) => upstream.withdraw()));
  }

  /** Closes what has not been used for long. */
  sweep(nowMs: number): void {
    for (const [key, upstream] of this.#upstreams) {
      if (!upstream.sweep(nowMs, forgetMs)) this.#forget(key, upstream);
    }
  }

  all(): Iterable<Upstream> {
    return this.#upstreams.values();
  }

  close(): void {
    for (const upstream of this.#upstreams.values()) upstream.close();
  }

  /** Those of an entry's places that are not there any more; a change of something else leaves a place as it is. */
  #withdrawn(entry: Entry): Upstream[] {
    const { registry, executor } = this.context;
    const { formation, service, instance } = entry;
    const now = registry.lookup({ formation, service, instance });
    return [...(this.#byEntry.get(entryKey(entry)) ?? [])].filter((upstream) => {
      const port = upstream.endpoint?.servicePort;
      const same = endpointsOf(now, { executor, port }).some((endpoint) => {
        return upstream.address === `${endpoint.address}:${endpoint.port}`;
      });
      if (!same) this.#forget(upstreamKey(entry, upstream.place), upstream);
      return !same;
    });
  }

  #resolve(target: RequestTarget, asker: Asker, full: boolean, untilMs: number): Destination {
    const { registry } = this.context;
    const { host } = target;
    if (full) {
      const name = parseServiceName(host);
      if (!name) throw new Refusal(404, `"${host}" is no name of a service: they are like web.shop.service`);
      return this.#service(meantBy(asker, name, registry), asker, target, untilMs);
    }
    const { port } = target;
    const formation = typeof asker === 'object' ? asker.formation : undefined;
    const name = parseServiceName(host, { formation });
    const meant = name && meantBy(asker, name, registry);
    // An import stands for what it says, whether or not there is any.
    if (
      meant &&
      (meant !== name || registry.services(name.formation).includes(name.service) || this.#wakes(meant))
    ) {
      return this.#service(meant, asker, target, untilMs);
    }
    const { rules } = this.context;
    const upstream = this.#upstream({ host, port, trusted: false, rules }, `${host}:${port}`);
    const short = name && !host.includes('.') ? name : undefined;
    return { label: `${host}:${port}`, upstreams: [upstream], turn: 0, untilMs, short, asker };
  }

  #service(name: ServiceName, asker: Asker, { host, port }: RequestTarget, untilMs: number): Destination {
    const label = host;
    const { upstreams, shares } = this.#places(name, asker, label, port);
    const groups = shares && groupsOf(upstreams, shares);
    // Anywhere: where requests are rare, each would begin with the first, and on every machine.
    const turn = Math.floor(this.context.random.next() * (groups ? manyTurns : upstreams.length));
    return { label, upstreams, turn, untilMs, ...(groups && { groups }) };
  }

  #places(name: ServiceName, asker: Asker, label: string, port: number): Places {
    const { registry, executor } = this.context;
    const all = registry.lookup(name);
    const entries = all.filter((entry) => mayUse(asker, entry));
    if (all.length > entries.length && entries.length === 0) throw notShared(name, asker);
    if (entries.length === 0) {
      const { service, formation } = name;
      if (this.#wakes(name)) throw new Shortage('asleep', { service, formation }, label);
      if (!registry.services(name.formation).includes(name.service)) throw this.#unknown(name, asker, label);
      throw new Refusal(503, `${label} has no instance that is ready: see gilliam ps and gilliam scale`, {
        retryAfterSeconds: 1,
      });
    }
    const endpoints = endpointsOf(entries, { executor, port });
    if (endpoints.length === 0) {
      const ports = [...new Set(entries.flatMap((entry) => servicePortsOf(entry)))];
      throw new Refusal(
        404,
        ports.length === 0
          ? `${label} has no port: its command mentions no $PORT, or its Dockerfile exposes none`
          : `${label} has no port ${port}: it has ${ports.join(', ')}`,
      );
    }
    const upstreams = endpoints.map((endpoint) => {
      const { entry, address, port } = endpoint;
      const place: Place = { host: address, port, trusted: entry.source === 'agent' };
      return this.#upstream(place, upstreamKey(entry, place), endpoint);
    });
    // Of what is announced now: a place that is known already may be remembered with an earlier share.
    return { upstreams, shares: trafficSharesOf(endpoints.map(({ entry }) => entry)) };
  }

  /** Which release wakes, or which instance, nobody knows before. */
  #wakes({ service, formation, instance, release }: ServiceName): boolean {
    if (instance !== undefined || release !== undefined) return false;
    return this.context.held?.({ service, formation }) ?? false;
  }

  #askerAt(caller: string): Asker {
    const { identities, isMachine } = this.context;
    return identities.identify(caller) ?? (isMachine(caller) ? 'machine' : undefined);
  }

  /** Whether an auxiliary service is reached there: past its name, nobody is sent to one. */
  isGuarded(address: string, port: number): boolean {
    const { isMachine, nameOf } = this.context;
    const { addresses, published, elsewhere } = this.#guardedPlaces();
    return (
      addresses.has(address) ||
      elsewhere.has(`${address}:${port}`) ||
      (published.has(port) && isMachine(address)) ||
      this.#isGuardedName(nameOf?.(address))
    );
  }

  /** The hosts of other machines, by name, that publish an auxiliary service at the port. */
  guardedHosts(port: number): readonly string[] {
    const { elsewhere } = this.#guardedPlaces();
    const hosts = [...elsewhere].flatMap((place) => {
      const at = place.lastIndexOf(':');
      return place.slice(at + 1) === String(port) ? [place.slice(0, at)] : [];
    });
    return hosts.filter((host) => isIP(host) === 0);
  }

  #guardedPlaces(): GuardedPlaces {
    const { registry, executor } = this.context;
    return (this.#guarded ??= guardedPlaces(registry, executor));
  }

  /** Whether a virtual address leads there: what this machine itself sends to one is let through. */
  #isGuardedName(text: string | undefined): boolean {
    const name = text === undefined ? undefined : parseServiceName(text);
    if (!name?.service.startsWith('_')) return false;
    const entries = this.context.registry.lookup(name);
    return entries.length === 0 || entries.some(isGuarded);
  }

  #upstream(place: Place, key: string, endpoint?: Upstream['endpoint']): Upstream {
    const known = this.#upstreams.get(key);
    if (known) return known;
    const { formation = '', service = '', body } = endpoint?.entry ?? {};
    const counted =
      endpoint && this.context.traffic?.of({ formation, service, release: body?.release ?? '' });
    const onFree = (one: Upstream) => this.context.onPlace?.(lineOf(one));
    const upstream = new Upstream({ ...this.context, onFree }, place, endpoint, counted);
    this.#upstreams.set(key, upstream);
    if (endpoint) {
      const entry = entryKey(endpoint.entry);
      const others = this.#byEntry.get(entry);
      if (others) others.add(upstream);
      else this.#byEntry.set(entry, new Set([upstream]));
    }
    return upstream;
  }

  #forget(key: string, upstream: Upstream): void {
    if (this.#upstreams.get(key) === upstream) this.#upstreams.delete(key);
    if (!upstream.endpoint) return;
    const entry = entryKey(upstream.endpoint.entry);
    const others = this.#byEntry.get(entry);
    others?.delete(upstream);
    if (others?.size === 0) this.#byEntry.delete(entry);
  }

  #unknown(name: ServiceName, asker: Asker, label: string): Refusal {
    const nearest = nearestNames(this.context.registry, name, asker, (one) => this.#wakes(one));
    const hint = nearest.length === 0 ? 'none is announced' : `nearest are ${nearest.join(', ')}`;
    const full = formatServiceName(name);
    return new Refusal(404, `there is no service ${label === full ? full : `${label} (${full})`}: ${hint}`);
  }
}

/** In which line requests wait for the place. */
function lineOf({ endpoint, address }: Upstream): Line {
  return endpoint?.entry ?? { address };
}

function notShared({ service, formation }: ServiceName, asker: Asker): Refusal {
  const name = formatServiceName({ service, formation });
  if (typeof asker !== 'object') {
    return new Refusal(
      403,
      `${name} is for ${formation}'s own instances, and you are none that is known here`,
    );
  }
  return new Refusal(
    403,
    `${name} is ${formation}'s own, and you are of ${asker.formation}: gilliam share ${service} --with ${asker.formation} --formation ${formation}`,
  );
}

function entryKey({ formation, service, instance }: EntryKey): string {
  return `${formation}/${service}.${instance}`;
}

function upstreamKey(entry: Entry, { host, port }: Place): string {
  // An announcement that is not an agent's is checked on every connection, also where an agent's says the same.
  return `${entryKey(entry)}@${host}:${port}${entry.source === 'agent' ? '' : '!'}`;
}
