import { NotFoundError } from '../base/errors';
import { nearest, suggestion } from '../resource/suggest';
import { type Asker, mayUse } from './access';
import { endpointsOf } from './endpoints';
import { compareInstances } from './instance-order';
import { formatServiceName } from './service-name';
import type { RegistryView, ServiceName } from './types';

/** One place, as `GET /-/resolve` tells of it. */
export interface ResolvedEndpoint {
  readonly formation: string;
  readonly service: string;
  readonly instance: string;
  /** Absent of what is not Gilliam's. */
  readonly release?: string;
  readonly executor?: string;
  /** How it is reached from other machines; absent of what was announced without. */
  readonly host?: string;
  readonly port?: number;
  readonly stale: boolean;
  /** Since the node has known that it is alive. */
  readonly ageMs: number;
}

/** A node's answer about a name. */
export interface Resolution {
  /** In full. */
  readonly name: string;
  /** Who answers. */
  readonly node: string;
  /** Of the oldest part of the answer. */
  readonly ageMs: number;
  readonly virtualIp?: string;
  readonly endpoints: readonly ResolvedEndpoint[];
}

/** No service has such a name. */
export class UnknownNameError extends NotFoundError {
  constructor(
    message: string,
    /** Names that may have been meant: in full, nearest first. */
    readonly nearest: readonly string[],
  ) {
    super(message);
  }
}

export interface ResolutionContext {
  readonly node: string;
  /** Monotonic. */
  readonly nowMs: number;
  readonly virtualIp?: string;
  /** What he may not use, he is not offered in place of what he has asked for. */
  readonly asker: Asker;
}

/** Throws UnknownNameError for a name that nothing is or was lately announced under. */
export function resolutionOf(name: ServiceName, view: RegistryView, context: ResolutionContext): Resolution {
  const entries = view.lookup(name);
  const known = view.services(name.formation);
  const serviceIsKnown = known.includes(name.service);
  if (!serviceIsKnown || (entries.length === 0 && isNarrow(name))) {
    throw unknown(name, view, { serviceIsKnown, asker: context.asker });
  }
  const endpoints = entries.map((entry): ResolvedEndpoint => {
    // Seen from nowhere in particular: by the host.
    const [endpoint] = endpointsOf([entry], { executor: '' });
    const { release, executor, host } = entry.body;
    return {
      formation: entry.formation,
      service: entry.service,
      instance: entry.instance,
      ...(release === undefined ? {} : { release }),
      ...(executor === undefined ? {} : { executor }),
      ...(host === undefined ? {} : { host }),
      ...(endpoint === undefined ? {} : { port: endpoint.port }),
      stale: entry.stale,
      ageMs: Math.max(0, Math.round(context.nowMs - entry.heardMs)),
    };
  });
  return {
    name: formatServiceName(name),
    node: context.node,
    ageMs: Math.max(0, ...endpoints.map(({ ageMs }) => ageMs)),
    ...(context.virtualIp === undefined ? {} : { virtualIp: context.virtualIp }),
    endpoints: endpoints.sort((a, b) => compareInstances(a.instance, b.instance)),
  };
}

/** Whether the name means less than the whole service. */
function isNarrow(name: ServiceName): boolean {
  return name.instance !== undefined || name.release !== undefined;
}

function unknown(
  name: ServiceName,
  view: RegistryView,
  { serviceIsKnown, asker }: { readonly serviceIsKnown: boolean; readonly asker: Asker },
): UnknownNameError {
  const text = formatServiceName(name);
  const { formation, service } = name;
  const whole = { formation, service };
  if (serviceIsKnown) {
    const there = view
      .lookup(whole)
      .filter((entry) => mayUse(asker, entry))
      .map(({ instance, body }) =>
        formatServiceName(
          name.release === undefined ? { ...whole, instance } : { ...whole, release: body.release ?? 'v0' },
        ),
      );
    const candidates = [...new Set(there)].filter((one) => !one.startsWith('v0.'));
    return new UnknownNameError(
      `there is no ${text} now: ${suggestion(text, candidates)}`,
      nearestFirst(text, candidates),
    );
  }
  const services = namesIn(formation, view, asker);
  if (services.length > 0) {
    return new UnknownNameError(
      `there is no ${text}: ${suggestion(text, services)}`,
      nearestFirst(text, services),
    );
  }
  const all = view.formations().flatMap((one) => namesIn(one, view, asker));
  return new UnknownNameError(`there is no ${text}: ${suggestion(text, all)}`, nearestFirst(text, all));
}

/** Of a formation's services that there is something of, for the asker: what was withdrawn is known for a while after. */
function namesIn(formation: string, view: RegistryView, asker: Asker): string[] {
  return view
    .services(formation)
    .map((service) => ({ formation, service }))
    .filter((name) => view.lookup(name).some((entry) => mayUse(asker, entry)))
    .map(formatServiceName);
}

function nearestFirst(wanted: string, known: readonly string[]): readonly string[] {
  const near = nearest(wanted, known);
  return near === undefined ? [...known].sort().slice(0, 5) : [near];
}
