import { ExecutorState } from '../gen/gilliam/v1/executor';
import { InstanceSpec_Desired, InstanceState, OneOff } from '../gen/gilliam/v1/instance';
import { Process } from '../gen/gilliam/v1/release';
import { instanceName } from '../resource/instance';
import { events, executors, formations, instances, releases, scales, sessions } from '../resource/objects';
import type {
  Event,
  Executor,
  Formation,
  Instance,
  Kind,
  Release,
  Scale,
  Session,
  StoredObject,
} from '../resource/objects';

/** Objects for tests, with as little said as the test is about. */

function make<T extends StoredObject>(kind: Kind<T>, name: string, formation: string): T {
  const object = kind.decode(new Uint8Array());
  Object.assign(object.metadata, {
    name,
    formation,
    uid: `uid-${formation}-${name}`,
    generation: 1n,
    revision: 1n,
  });
  return object;
}

export const SHOP = 'shop';

export function formation(name = SHOP, deleted?: Date): Formation {
  const object = make(formations, name, '');
  return { ...object, metadata: { ...object.metadata, deleted } };
}

/** Each process with nothing said of it. */
export function release(name: string, ...processes: string[]): Release {
  const object = make(releases, name, SHOP);
  const entries = processes.map((process) => [process, Process.fromPartial({})]);
  return {
    ...object,
    spec: { ...object.spec, processes: Object.fromEntries(entries) as Record<string, Process> },
  };
}

/** With these definitions; `_cache` is an auxiliary service by its name. */
export function releaseWith(name: string, definitions: Readonly<Record<string, object>>): Release {
  const object = make(releases, name, SHOP);
  const processes = Object.entries(definitions).map(([process, said]) => {
    const auxiliary = process.startsWith('_') ? { auxiliary: { type: 'redis' } } : {};
    return [process, Process.fromPartial({ ...auxiliary, ...said })];
  });
  return {
    ...object,
    spec: { ...object.spec, processes: Object.fromEntries(processes) as Record<string, Process> },
  };
}

export function scale(name: string, factors: Record<string, number>): Scale {
  return { ...make(scales, name, SHOP), spec: { factors } };
}

export interface InstanceFacts {
  readonly release?: string;
  readonly state?: InstanceState;
  readonly ready?: boolean;
  readonly executor?: string;
  readonly stop?: boolean;
  readonly incarnation?: number;
  readonly failedBefore?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly changed?: Date;
  readonly formation?: string;
  readonly replace?: boolean;
  readonly oneOff?: boolean;
}

/** `web.1`: of release v1, running and ready on e1 unless said otherwise. */
export function instance(name: string, facts: InstanceFacts = {}): Instance {
  const [process = '', ordinal = '1'] = name.split('.');
  const { state = InstanceState.RUNNING, incarnation = 1 } = facts;
  const object = make(
    instances,
    instanceName(process, Number(ordinal), incarnation),
    facts.formation ?? SHOP,
  );
  return {
    ...object,
    spec: {
      release: facts.release ?? 'v1',
      process,
      ordinal: Number(ordinal),
      incarnation,
      executor: facts.executor ?? (state === InstanceState.PENDING ? '' : 'e1'),
      replace: facts.replace ?? false,
      ...(facts.oneOff ? { oneOff: OneOff.fromPartial({ command: ['true'] }) } : {}),
      desired: facts.stop ? InstanceSpec_Desired.STOPPED : InstanceSpec_Desired.RUNNING,
      ...(facts.failedBefore === undefined ? {} : { failedBefore: facts.failedBefore }),
    },
    status: {
      ...object.status,
      state,
      ready: facts.ready ?? state === InstanceState.RUNNING,
      reason: facts.reason ?? '',
      message: facts.message ?? '',
      changed: facts.changed,
    },
  };
}

export function executor(
  name: string,
  facts: { state?: ExecutorState; cordoned?: boolean; draining?: boolean } = {},
): Executor {
  const object = make(executors, name, '');
  const { state = ExecutorState.READY, cordoned = false, draining = false } = facts;
  return { ...object, spec: { cordoned, draining }, status: { ...object.status, state } };
}

export function session(name: string, synced = true): Session {
  return { ...make(sessions, name, ''), synced };
}

export function event(name: string, last: Date, of = SHOP): Event {
  return { ...make(events, name, of), last };
}

/** The same, refusing to be changed, all the way down. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) frozen(part);
  }
  return value;
}
