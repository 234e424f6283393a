import type { Disposable } from '../base/disposable';

export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** Where an announcement is kept: `PUT /<formation>/<service>.<instance>`. */
export interface EntryKey {
  readonly formation: string;
  readonly service: string;
  /** The ordinal of an instance of Gilliam's; a label of the announcer's choice otherwise. */
  readonly instance: string;
}

/**
 * What is announced: any JSON object. These names have a meaning to Gilliam's proxy, router, DNS and virtual IPs; an
 * announcement without `host` and a port can be found, but not reached through them.
 */
export interface Announcement {
  readonly [name: string]: JsonValue | undefined;
  /** An IPv4 address or a host name, reachable from every executor. */
  readonly host?: string;
  /** Of the host: what the service's first port is reached by. */
  readonly port?: number;
  /** The service's ports, in decimal, to those of the host: `{"8080": 10000}`. Absent: `port` to itself. */
  readonly ports?: Readonly<Record<string, number>>;
  /** `v2` */
  readonly release?: string;
  /** The executor it runs on. */
  readonly executor?: string;
  /** By which that executor, and nobody else, reaches it directly, at the service's own ports. */
  readonly address?: string;
  /** Of an auxiliary service: the formations beside its own that may use it; `*` for all. */
  readonly sharedWith?: readonly string[];
  /**
   * Hundredths of the service's requests that go to the release's instances together. Null, which is not kept: to each
   * as to any other. Absent from an agent that has not heard yet: as before.
   */
  readonly trafficPercent?: number | null;
}

/** What is announced now. A value: never changed in place. */
export interface Entry extends EntryKey {
  readonly body: Announcement;
  /** The node where it was announced: the executor's name. */
  readonly origin: string;
  /** Whether an agent has announced an instance that it runs, or somebody else something of theirs. */
  readonly source: 'agent' | 'external';
  /** Hybrid logical time of the announcement: later ones compare greater as text. */
  readonly version: string;
  /** By the monotonic clock of the node that is asked: when it last heard that the entry is alive. */
  readonly heardMs: number;
  /** The origin has not been heard of for the liveness time. Used only where nothing else is left. */
  readonly stale: boolean;
}

/**
 * A name of the form `<service>.<formation>.service`, with `<instance>.` or `<release>.` before it where only one
 * instance, or those of one release, are meant.
 */
export interface ServiceName {
  readonly service: string;
  readonly formation: string;
  readonly instance?: string;
  readonly release?: string;
}

/** One place where a service can be reached, as seen from one executor. */
export interface Endpoint {
  readonly entry: Entry;
  /** An IPv4 address or a host name. */
  readonly address: string;
  /** At the address. */
  readonly port: number;
  /** What the port is called at the service's name: callers of `web.shop.service:8080` mean 8080. */
  readonly servicePort: number;
}

/** Everything that changed in one step. An entry that changed is withdrawn as it was, and announced as it is. */
export interface Changes {
  readonly announced: readonly Entry[];
  readonly withdrawn: readonly Entry[];
}

/** Whoever sends traffic to entries: a proxy, a router, virtual IPs. */
export interface Follower {
  /** Unique on its node: `proxy`, `router`. */
  readonly name: string;
  /**
   * Resolves once nothing new is sent to what is withdrawn, and all that was under way there has ended (or the
   * follower has given up on it: long-lived connections are not waited for for ever). Calls may overlap. The first
   * call announces all there is. A rejection is logged, and counts as acknowledged no more than silence does.
   */
  apply(changes: Changes): Promise<void>;
  /**
   * Resolves once nothing is sent to what was withdrawn before the follower was ever told of it: it may drive something
   * that has outlived a restart. Absent where nothing has.
   */
  forgotten?(key: EntryKey): Promise<void>;
}

/** What is known of services: the registry's node itself, or a mirror of it in another process. */
export interface RegistryView {
  /** All entries that the name stands for: fresh ones, or stale ones where there are no fresh ones. */
  lookup(name: ServiceName): readonly Entry[];
  /** The formations, and the services of a formation, that something is or was lately announced for. */
  formations(): readonly string[];
  services(formation: string): readonly string[];
  /** Registered until disposed; every withdrawal waits for it until then. */
  follow(follower: Follower): Disposable;
}

/** An instance of this executor, and what its formation says of others. */
export interface Identity extends EntryKey {
  /** The formation's names for services of other formations: `users` → `web.accounts`. */
  readonly imports?: Readonly<Record<string, string>>;
  /** Of an auxiliary service: as in its announcement, and known before that. */
  readonly sharedWith?: readonly string[];
  /** The index of the machine's interface that leads to it: what comes from its address by another is not from it. */
  readonly link?: number;
}

/** Which instance has an address of this host's container network. Told by the agent. */
export interface Identities {
  identify(address: string): Identity | undefined;
}

/** What an instance on this executor is given. `GET /-/environment` of the node, for the agent. */
export interface InstanceNetwork {
  /** `http://172.17.0.1:4412`; absent where no proxy runs. */
  readonly proxy?: string;
  /** `http://172.17.0.1:4411` */
  readonly registry: string;
  /** `172.17.0.1:4410`: the control plane, as instances reach it; absent where they cannot. */
  readonly api?: string;
  /** The resolver of `*.service`; absent where there are no virtual IPs. */
  readonly resolver?: string;
  /** Another one after each start of the node: whoever has told it things tells them again. */
  readonly epoch?: string;
}

/** What a withdrawal has come to. */
export interface Withdrawal {
  /** `<executor>/<follower>` of all that have confirmed. */
  readonly acknowledged: readonly string[];
  /** Those that were up, and have not confirmed in time. */
  readonly missing: readonly string[];
}
