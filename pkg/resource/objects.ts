import * as cronProto from '../gen/gilliam/v1/cron_job';
import * as eventProto from '../gen/gilliam/v1/event';
import * as executorProto from '../gen/gilliam/v1/executor';
import * as formationProto from '../gen/gilliam/v1/formation';
import * as instanceProto from '../gen/gilliam/v1/instance';
import type { Metadata } from '../gen/gilliam/v1/metadata';
import * as releaseProto from '../gen/gilliam/v1/release';
import * as rolloutProto from '../gen/gilliam/v1/rollout';
import * as routeProto from '../gen/gilliam/v1/route';
import * as scaleProto from '../gen/gilliam/v1/scale';
import * as usageProto from '../gen/gilliam/v1/usage';
import * as volumeProto from '../gen/gilliam/v1/volume';

/**
 * Objects as they are inside Gilliam: the messages of the contract, with metadata, spec and status always there.
 * Treat them as values: never change one that came from a store or a cache; make a new one.
 */
type Complete<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };

export type Formation = Complete<formationProto.Formation, 'metadata' | 'spec' | 'status'>;
export type Release = Complete<releaseProto.Release, 'metadata' | 'spec'>;
export type Scale = Complete<scaleProto.Scale, 'metadata' | 'spec' | 'status'>;
export type Instance = Complete<instanceProto.Instance, 'metadata' | 'spec' | 'status'>;
export type Executor = Complete<executorProto.Executor, 'metadata' | 'spec' | 'status'>;
export type Session = Complete<executorProto.Session, 'metadata'>;
export type Route = Complete<routeProto.Route, 'metadata' | 'spec'>;
export type Rollout = Complete<rolloutProto.Rollout, 'metadata' | 'spec' | 'status'>;
export type CronJob = Complete<cronProto.CronJob, 'metadata' | 'spec' | 'status'>;
export type Volume = Complete<volumeProto.Volume, 'metadata' | 'spec'>;
export type Usage = Complete<usageProto.Usage, 'metadata'>;
export type Event = Complete<eventProto.Event, 'metadata'>;

/** Whatever the store keeps. */
export interface StoredObject {
  readonly metadata: Metadata;
}

/** How one kind of object is named, kept and encoded. */
export interface Kind<T extends StoredObject> {
  /** As in the API: `Instance`. */
  readonly name: string;
  /** As in resource names and keys: `instances`. */
  readonly plural: string;
  /** Whether its objects belong to a formation. */
  readonly formationScoped: boolean;
  encode(object: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

interface Codec<P> {
  encode(message: P): { finish(): Uint8Array };
  decode(bytes: Uint8Array): P;
}

// The casts are sound: `empty` fills in what `Complete` says is always there.
function kind<P, T extends StoredObject>(
  names: Pick<Kind<T>, 'name' | 'plural' | 'formationScoped'>,
  codec: Codec<P>,
  empty: () => Partial<T>,
): Kind<T> {
  return {
    ...names,
    encode: (object) => codec.encode(object as unknown as P).finish(),
    decode: (bytes) => {
      const message = codec.decode(bytes) as unknown as Partial<T>;
      const defaults = empty();
      for (const key of Object.keys(defaults) as (keyof T)[]) message[key] ??= defaults[key];
      return message as T;
    },
  };
}

const metadata = (): Metadata => ({
  name: '',
  formation: '',
  uid: '',
  generation: 0n,
  revision: 0n,
  labels: {},
});

export const formations = kind<formationProto.Formation, Formation>(
  { name: 'Formation', plural: 'formations', formationScoped: false },
  formationProto.Formation,
  () => ({
    metadata: metadata(),
    spec: formationProto.FormationSpec.fromPartial({}),
    status: formationProto.FormationStatus.fromPartial({}),
  }),
);

export const releases = kind<releaseProto.Release, Release>(
  { name: 'Release', plural: 'releases', formationScoped: true },
  releaseProto.Release,
  () => ({ metadata: metadata(), spec: releaseProto.ReleaseSpec.fromPartial({}) }),
);

export const scales = kind<scaleProto.Scale, Scale>(
  { name: 'Scale', plural: 'scales', formationScoped: true },
  scaleProto.Scale,
  () => ({
    metadata: metadata(),
    spec: scaleProto.ScaleSpec.fromPartial({}),
    status: scaleProto.ScaleStatus.fromPartial({}),
  }),
);

export const instances = kind<instanceProto.Instance, Instance>(
  { name: 'Instance', plural: 'instances', formationScoped: true },
  instanceProto.Instance,
  () => ({
    metadata: metadata(),
    spec: instanceProto.InstanceSpec.fromPartial({}),
    status: instanceProto.InstanceStatus.fromPartial({}),
  }),
);

export const executors = kind<executorProto.Executor, Executor>(
  { name: 'Executor', plural: 'executors', formationScoped: false },
  executorProto.Executor,
  () => ({
    metadata: metadata(),
    spec: executorProto.ExecutorSpec.fromPartial({}),
    status: executorProto.ExecutorStatus.fromPartial({}),
  }),
);

/** Kept under the lease of the control plane that holds the executor's stream. */
export const sessions = kind<executorProto.Session, Session>(
  { name: 'Session', plural: 'sessions', formationScoped: false },
  executorProto.Session,
  () => ({ metadata: metadata() }),
);

/** Rules of the router. Their names are unique in their formation, what they match in the stage. */
export const routes = kind<routeProto.Route, Route>(
  { name: 'Route', plural: 'routes', formationScoped: true },
  routeProto.Route,
  () => ({ metadata: metadata(), spec: routeProto.RouteSpec.fromPartial({}) }),
);

/** One of each formation, by the name `current`. */
export const rollouts = kind<rolloutProto.Rollout, Rollout>(
  { name: 'Rollout', plural: 'rollouts', formationScoped: true },
  rolloutProto.Rollout,
  () => ({
    metadata: metadata(),
    spec: rolloutProto.RolloutSpec.fromPartial({}),
    status: rolloutProto.RolloutStatus.fromPartial({}),
  }),
);

export const cronJobs = kind<cronProto.CronJob, CronJob>(
  { name: 'CronJob', plural: 'cronJobs', formationScoped: true },
  cronProto.CronJob,
  () => ({
    metadata: metadata(),
    spec: cronProto.CronJobSpec.fromPartial({}),
    status: cronProto.CronJobStatus.fromPartial({}),
  }),
);

export const volumes = kind<volumeProto.Volume, Volume>(
  { name: 'Volume', plural: 'volumes', formationScoped: true },
  volumeProto.Volume,
  () => ({ metadata: metadata(), spec: volumeProto.VolumeSpec.fromPartial({}) }),
);

/** Kept under the lease of the executor's session; each has the name of its executor. */
export const usages = kind<usageProto.Usage, Usage>(
  { name: 'Usage', plural: 'usages', formationScoped: false },
  usageProto.Usage,
  () => ({ metadata: metadata() }),
);

/** Events of objects outside formations have an empty `metadata.formation`. */
export const events = kind<eventProto.Event, Event>(
  { name: 'Event', plural: 'events', formationScoped: true },
  eventProto.Event,
  () => ({ metadata: metadata() }),
);
