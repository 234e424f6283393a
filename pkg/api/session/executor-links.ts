import { setMaxListeners } from 'node:events';
import { backoffMs } from '../../base/backoff';
import { sleep } from '../../base/clock';
import { CancelledError, UnavailableError, messageOf } from '../../base/errors';
import { ExecutorState, ExecutorStatus } from '../../gen/gilliam/v1/executor';
import type { ConnectRequest, ConnectResponse, Hello } from '../../gen/gilliam/v1/session_service';
import {
  executors,
  formations,
  instances,
  releases,
  scales,
  sessions,
  volumes,
  type Executor,
  type Session,
} from '../../resource/objects';
import type { ApiContext } from '../api-context';
import { newMetadata } from '../objects';
import { retryConflicts } from '../retry';
import { AssignmentIndex } from './assignment';
import { ExecutorLink } from './executor-link';
import { HeldSession } from './held-session';
import { LeaseKeeper } from './lease-keeper';
import { Outbox } from './outbox';
import { RegistryPeers } from './registry-peers';
import { ReportWriter } from './report-writer';
import { changesSurroundings } from './surroundings';
import { VolumeDeletions } from './volume-deletions';

const retry = { startMs: 100, capMs: 2_000, jitter: 0.5 };

/** The executors that are connected to this control plane. */
export class ExecutorLinks {
  readonly #context: ApiContext;
  readonly #address: () => string;
  readonly #links = new Map<string, ExecutorLink>();
  readonly #index: AssignmentIndex;
  readonly #peers: RegistryPeers;
  readonly #deletions: VolumeDeletions;
  readonly #writer: ReportWriter;
  readonly #lease: LeaseKeeper;
  readonly #subscription: { dispose(): void };
  readonly #formations: { dispose(): void };
  readonly #scales: { dispose(): void };
  readonly #closing = new AbortController();

  /** `address` is where other control planes reach this one; empty where they cannot. */
  constructor(context: ApiContext, address: () => string = () => '') {
    this.#context = context;
    this.#address = address;
    // Each session that has ended and cannot be removed yet listens.
    setMaxListeners(0, this.#closing.signal);
    const { store, caches, clock, random, log, limits } = context;
    const cache = caches.of(instances);
    this.#index = new AssignmentIndex(cache, (executor, uid) => this.#links.get(executor)?.outbox.touch(uid));
    this.#peers = new RegistryPeers(caches.of(executors), clock, () => {
      for (const { outbox } of this.#links.values()) outbox.touchPeers();
    });
    this.#formations = caches.of(formations).onChange(({ name }, after, before) => {
      if (!changesSurroundings(after, before)) return;
      for (const { metadata, spec } of cache.list(name)) {
        this.#links.get(spec.executor)?.outbox.touch(metadata.uid);
      }
    });
    this.#scales = caches.of(scales).onChange(({ formation, name }, after, before) => {
      if (after?.spec.trafficPercent === before?.spec.trafficPercent) return;
      for (const { metadata, spec } of cache.list(formation)) {
        if (spec.release === name) this.#links.get(spec.executor)?.outbox.touch(metadata.uid);
      }
    });
    this.#deletions = new VolumeDeletions(caches.of(volumes), (executor) =>
      this.#links.get(executor)?.outbox.touchVolumes(),
    );
    this.#writer = new ReportWriter({ store, cache, clock, random });
    this.#lease = new LeaseKeeper({
      store,
      clock,
      random,
      log,
      ttlMs: limits.leaseTtlMs,
      onRenewed: (signal) => this.#renewAll(signal),
    });
    this.#subscription = caches.of(sessions).onChange(({ name }, after, before) => {
      const held = this.#links.get(name)?.session;
      if (!held) return;
      // Another control plane may hold a newer session of an executor that is connected here, too.
      if (after && after.number > held.number) held.supersede();
      // Its lease may end, by the store's clock, while it is put under the next one.
      if (!after && before?.number === held.number) {
        void this.#insist(held, 'session not made again', (signal) => held.confirm(signal));
      }
    });
  }

  /** The link of a connected executor. */
  get(executor: string): ExecutorLink | undefined {
    return this.#links.get(executor);
  }

  /** Serves the executor that said hello, until its stream or its session is over. */
  async *serve(
    hello: Hello,
    requests: AsyncIterator<ConnectRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<ConnectResponse> {
    const { caches, log } = this.#context;
    const { session, revision } = await this.#open(hello, signal);
    const sources = {
      releases: caches.of(releases),
      formations: caches.of(formations),
      volumes: caches.of(volumes),
      scales: caches.of(scales),
    };
    const outbox = new Outbox(hello.name, this.#index, sources, this.#peers, this.#deletions);
    const link = new ExecutorLink(this.#context, this.#writer, session, outbox);
    const other = this.#links.get(hello.name)?.session;
    // Two that open at the same moment may come here in either order; the numbers say which is the newer.
    if (other && other.number > session.number) throw session.supersede();
    other?.supersede();
    this.#links.set(hello.name, link);
    log.info('executor connected', { executor: hello.name, session: String(session.number) });
    try {
      // What is sent is at least as new as the session: nothing that was decided before can be missing.
      await caches.reached(revision, AbortSignal.any([signal, session.over]));
      yield* link.serve(requests, signal);
    } finally {
      if (this.#links.get(hello.name) === link) this.#links.delete(hello.name);
      log.info('executor disconnected', { executor: hello.name, session: String(session.number) });
      // Nobody waits for it. It has to be, all the same: the lease is that of all sessions, and would keep this one.
      void this.#insist(session, 'session not removed', (signal) => session.close(signal));
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new CancelledError('the server stops'));
    this.#subscription.dispose();
    this.#formations.dispose();
    this.#scales.dispose();
    this.#index.dispose();
    this.#peers.dispose();
    this.#deletions.dispose();
    this.#writer.dispose();
    await this.#lease.close();
  }

  /** Does it again while the store does not answer, and until the server stops: then the lease's end does the rest. */
  async #insist(
    { executor }: HeldSession,
    problem: string,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { clock, random, log } = this.#context;
    const { signal } = this.#closing;
    for (let failures = 0; ; failures++) {
      try {
        return await work(signal);
      } catch (error) {
        log.debug(problem, { executor, error: messageOf(error) });
        if (signal.aborted || !(error instanceof UnavailableError)) return;
        await sleep(clock, backoffMs(retry, failures, random), signal).catch(() => {});
      }
    }
  }

  /** Creates or updates the executor, and begins its next session, in one step. */
  #open(hello: Hello, signal: AbortSignal): Promise<{ session: HeldSession; revision: bigint }> {
    const { store, identity } = this.#context;
    const key = { formation: '', name: hello.name };
    return retryConflicts(
      this.#context,
      async () => {
        const [executor, before] = await Promise.all([
          store.get(executors, key, signal),
          store.get(sessions, key, signal),
        ]);
        const last = executor?.status.session ?? 0n;
        const number = (before && before.number > last ? before.number : last) + 1n;
        const session: Session = {
          metadata: before?.metadata ?? newMetadata(this.#context, key),
          number,
          holder: identity,
          address: this.#address(),
          synced: false,
          engineSilence: '',
        };
        const revision = await store.commit(
          [
            {
              op: executor ? 'update' : 'create',
              kind: executors,
              object: this.#executor(hello, executor, number),
            },
            {
              op: before ? 'update' : 'create',
              kind: sessions,
              object: session,
              lease: await this.#lease.current(),
            },
          ],
          // Carried out even when the caller leaves: what may have begun has to be known, to be ended.
        );
        const lease = () => this.#lease.current();
        const opened = { revision, lease, address: this.#address };
        return { session: new HeldSession(this.#context, hello.name, number, opened), revision };
      },
      signal,
    );
  }

  #executor(hello: Hello, before: Executor | undefined, session: bigint): Executor {
    const { host, domain, tags, capacity, version, registryAddress } = hello;
    const facts = { host, domain, tags, capacity, version, session, registryAddress };
    if (before) return { ...before, status: { ...before.status, ...facts } };
    return {
      metadata: newMetadata(this.#context, { name: hello.name }),
      spec: { cordoned: false, draining: false },
      status: ExecutorStatus.fromPartial({
        ...facts,
        state: ExecutorState.JOINING,
        changed: new Date(this.#context.clock.now()),
      }),
    };
  }

  async #renewAll(signal: AbortSignal): Promise<void> {
    const all = [...this.#links.values()].map(({ session }) => session);
    const results = await Promise.allSettled(all.map((session) => session.renew(signal)));
    const failed = results.find((result, index) => result.status === 'rejected' && !all[index]?.over.aborted);
    if (failed?.status === 'rejected') throw failed.reason;
  }
}
