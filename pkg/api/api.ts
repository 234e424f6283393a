import { setMaxListeners } from 'node:events';
import type { Clock } from '../base/clock';
import { CancelledError, UnavailableError } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { Builder, ImageArchive } from '../builder/types';
import type { Client, ConnectOptions } from '../client/client';
import type { StageImages } from '../images/stage-images';
import { followUsage } from '../metrics/follow-usage';
import { Caches } from '../reconcile/caches';
import {
  cronJobs,
  executors,
  formations,
  instances,
  releases,
  rollouts,
  routes,
  scales,
  sessions,
  usages,
  volumes,
} from '../resource/objects';
import type { Store } from '../store/store';
import type { ApiContext } from './api-context';
import type { Tokens } from './authenticator';
import type { EnteredCall } from './call';
import { EventRecorder } from './event-recorder';
import { forgetImages } from './forgotten-images';
import { defaultLimits, type Limits } from './limits';
import { replicaToken } from './replicas/replica-token';
import { Replicas, type ReplicaAccess } from './replicas/replicas';
import { servicesOf, type Services } from './services';
import { ExecutorLinks } from './session/executor-links';
import { watchable } from './watch/watch';
import { WatchHub } from './watch/watch-hub';

export interface ApiOptions {
  readonly store: Store;
  /** Without one no images are built here. */
  readonly builder?: Builder;
  /** Without one no images are given away or taken in here. */
  readonly images?: ImageArchive;
  /** Without it, executors have only the images that their engines have. */
  readonly stageImages?: StageImages;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The stage's name. */
  readonly stage: string;
  readonly version: string;
  /** Which control plane this is, for people. */
  readonly identity: string;
  readonly tokens: Tokens;
  readonly limits?: Partial<Limits>;
  /** A client of another control plane. */
  readonly connect: (to: ConnectOptions) => Client;
}

/**
 * The API of a stage without a way to call it: all services as plain functions, with all that they share. What listens
 * (`ApiServer`, or the simulator) lets each call in by `enter`.
 */
export class Api {
  readonly services: Services;
  readonly context: ApiContext;
  readonly #hub: WatchHub;
  readonly #links: ExecutorLinks;
  readonly #replicas: Replicas;
  readonly #usage: ReturnType<typeof followUsage>;
  readonly #stopping = new AbortController();
  readonly #calls = new Set<AbortController>();
  readonly #background: Promise<void>[] = [];

  constructor({ tokens, connect, ...options }: ApiOptions) {
    const { store, clock, random, stage } = options;
    const log = options.log.child({ part: 'api' });
    const limits = { ...defaultLimits, ...options.limits };
    const kinds = [
      ...[formations, releases, scales, instances, executors, sessions, routes],
      ...[rollouts, cronJobs, volumes, usages],
    ];
    const caches = new Caches({ store, kinds, clock, random, log });
    const events = new EventRecorder({ store, clock, random, log });
    this.context = { ...options, log, limits, caches, events };
    this.#replicas = new Replicas({ token: replicaToken(tokens), stage, connect });
    this.#hub = new WatchHub({ store, kinds: watchable, history: limits.watchHistory, clock, random, log });
    this.#links = new ExecutorLinks(this.context, () => this.#replicas.address);
    this.#usage = followUsage(caches.of(usages), clock);
    this.services = servicesOf({
      context: this.context,
      tokens,
      hub: this.#hub,
      links: this.#links,
      replicas: this.#replicas,
      usage: this.#usage.history,
    });
  }

  /** Begins to follow the store. */
  start(): void {
    const { signal } = this.#stopping;
    setMaxListeners(0, signal);
    this.#background.push(this.context.caches.run(signal), this.#hub.run(signal));
    const { stageImages } = this.context;
    if (stageImages) this.#background.push(forgetImages(this.context, stageImages, signal));
  }

  /** How other control planes reach this one, from now on. */
  reachedBy(access: ReplicaAccess): void {
    this.#replicas.begin(access);
  }

  /** Lets a call in, until it leaves. Throws when none may be made any more. */
  enter(user: string, onCancelled: (listener: () => void) => void): EnteredCall {
    if (this.#stopping.signal.aborted) throw this.#stopping.signal.reason;
    const call = new AbortController();
    // A stream of logs listens once for each instance.
    setMaxListeners(0, call.signal);
    this.#calls.add(call);
    const end = () => call.abort(new CancelledError('the caller is gone'));
    onCancelled(end);
    return {
      context: { signal: call.signal, user },
      leave: () => {
        this.#calls.delete(call);
        end();
      },
    };
  }

  /** Tells all calls to end, and lets no more in. */
  stop(): void {
    const reason = new UnavailableError('the control plane stops: try again in a moment');
    this.#stopping.abort(reason);
    for (const call of this.#calls) call.abort(reason);
  }

  /** Gives sessions up, and resolves when nothing is left. After `stop`, when nobody listens any more. */
  async close(): Promise<void> {
    this.#usage.dispose();
    // Together: each may wait for a store that does not answer.
    await Promise.all([this.context.events.flush(), this.#links.close(), ...this.#background]);
    this.#replicas.close();
  }
}
