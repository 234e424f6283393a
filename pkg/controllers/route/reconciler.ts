import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../base/clock';
import { developmentTls } from '../../certificates/route-certificate';
import type { CacheReader } from '../../reconcile/cache';
import type { Outcome, Reconciler } from '../../reconcile/reconciler';
import type { Source } from '../../reconcile/source';
import { changesOf } from '../../reconcile/source';
import type { Writer } from '../../reconcile/writer';
import { routes } from '../../resource/objects';
import type { Formation, Route } from '../../resource/objects';
import type { Events } from '../event-recorder';
import { planRoute } from './plan';

export interface RouteReconcilerOptions {
  readonly caches: {
    readonly formations: CacheReader<Formation>;
    readonly routes: CacheReader<Route>;
  };
  readonly writer: Writer;
  readonly events: Events;
  readonly clock: Clock;
}

/** The keys are `<formation>/<route>`. Renews certificates for development in time. */
export class RouteReconciler implements Reconciler {
  readonly #options: RouteReconcilerOptions;

  constructor(options: RouteReconcilerOptions) {
    this.#options = options;
  }

  get sources(): readonly Source[] {
    return [
      changesOf(this.#options.caches.routes, (after) =>
        after?.spec.tls?.development ? [`${after.metadata.formation}/${after.metadata.name}`] : [],
      ),
    ];
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { caches, clock } = this.#options;
    const [formation = '', name = ''] = key.split('/');
    const route = caches.routes.get({ formation, name });
    const owner = caches.formations.get({ formation: '', name: formation });
    if (!route || !owner || owner.metadata.deleted) return {};
    const now = new Date(clock.now());
    const { renewFor, requeueAfterMs } = planRoute(route, now);
    if (renewFor !== undefined) await this.#renew(route, renewFor, now, signal);
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  /** The route's own change asks for the next look. */
  async #renew(route: Route, host: string, now: Date, signal: AbortSignal): Promise<void> {
    const { writer, events } = this.#options;
    const tls = await developmentTls(host, now);
    const { formation, name, uid, generation } = route.metadata;
    const object: Route = {
      metadata: { ...route.metadata, generation: generation + 1n },
      spec: { ...route.spec, tls },
    };
    await writer.commit([{ op: 'update', kind: routes, object }], [], signal);
    const end = new Date(new X509Certificate(tls.certificate).validTo).toISOString().slice(0, 10);
    const message = `the development certificate of ${host} was renewed: it ends on ${end}`;
    events.record({ formation, kind: routes.name, name, uid, reason: 'CertificateRenewed', message });
  }
}
