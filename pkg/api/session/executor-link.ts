import { setMaxListeners } from 'node:events';
import { backoffMs } from '../../base/backoff';
import { sleep } from '../../base/clock';
import { InvalidError, UnavailableError } from '../../base/errors';
import type { ConnectRequest, ConnectResponse, Report } from '../../gen/gilliam/v1/session_service';
import { shortName } from '../../resource/instance';
import { instances } from '../../resource/objects';
import type { ApiContext } from '../api-context';
import type { HeldSession } from './held-session';
import type { Outbox } from './outbox';
import type { ReportWriter } from './report-writer';
import { UsageWriter } from './usage-writer';
import { forgetVolumes } from './volume-deletions';

const maxEventsPerReport = 1_000;
const maxInstancesPerReport = 10_000;
const retry = { startMs: 100, capMs: 2_000, jitter: 0.5 };

/** One executor's stream: what it says goes to the store, what it is to know comes from its outbox. */
export class ExecutorLink {
  readonly #usage: UsageWriter;

  constructor(
    private readonly context: ApiContext,
    private readonly writer: ReportWriter,
    readonly session: HeldSession,
    readonly outbox: Outbox,
  ) {
    this.#usage = new UsageWriter(context, session);
  }

  /** Serves the stream until either side ends it. Throws what ended it, unless it was the executor's own wish. */
  async *serve(
    requests: AsyncIterator<ConnectRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<ConnectResponse> {
    const ended = new AbortController();
    const all = AbortSignal.any([signal, this.session.over, ended.signal]);
    // One listener for each instance of a report that is written by itself.
    setMaxListeners(0, all);
    let failure: unknown;
    const reading = this.#read(requests, all)
      .catch((error: unknown) => (failure = error))
      .finally(() => ended.abort());
    // Ends with the session; nobody has to wait for that.
    void this.#usage.run(all);
    try {
      yield* this.outbox.messages(all);
    } finally {
      ended.abort();
      // The reader waits for the executor's next message, which may never come: only what it does now is waited for.
      void reading;
    }
    if (this.session.over.aborted) throw this.session.over.reason;
    if (failure !== undefined) throw failure as Error;
  }

  async #read(requests: AsyncIterator<ConnectRequest>, signal: AbortSignal): Promise<void> {
    for (let next = await requests.next(); !next.done; next = await requests.next()) {
      if (signal.aborted) return;
      const { message } = next.value;
      if (message?.$case === 'report') await this.#report(message.value, signal);
      else if (message?.$case === 'synced') await this.#persist(() => this.session.setSynced(signal), signal);
      else if (message?.$case === 'engine')
        await this.#persist(() => this.session.setEngine(message.value.silence, signal), signal);
      else if (message?.$case === 'volumesDeleted') await this.#forget(message.value.volumes, signal);
      else if (message?.$case === 'usage') this.#usage.take(message.value);
      else throw new InvalidError('after hello come report and synced only');
    }
  }

  async #report(report: Report, signal: AbortSignal): Promise<void> {
    if (report.instances.length > maxInstancesPerReport || report.events.length > maxEventsPerReport) {
      throw new InvalidError(
        `a report may have ${maxInstancesPerReport} instances and ${maxEventsPerReport} events at most: send several`,
      );
    }
    const { executor } = this.session;
    await Promise.all(
      report.instances.flatMap(({ formation, name, uid, status }) => {
        if (!status) return [];
        const said = { formation, name, uid, status, executor };
        return [this.#persist(() => this.writer.write(said, this.session, signal), signal)];
      }),
    );
    this.#recordEvents(report);
    this.outbox.acknowledge(report.sequence);
  }

  #forget(uids: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#persist(() => forgetVolumes(this.context, this.session.executor, uids, signal), signal);
  }

  /** While the store does not answer the report waits, and with it the executor: nothing is lost. */
  async #persist(write: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.context;
    for (let failures = 0; ; failures++) {
      try {
        return await write();
      } catch (error) {
        if (!(error instanceof UnavailableError) || signal.aborted) throw error;
        await sleep(clock, backoffMs(retry, failures, random), signal);
      }
    }
  }

  #recordEvents({ events }: Report): void {
    for (const { formation, name, uid, reason, message, warning, time } of events) {
      const instance = this.context.caches.of(instances).get({ formation, name });
      // Of an instance that is forgotten, or of somebody else, nothing is told.
      if (instance?.metadata.uid !== uid || instance.spec.executor !== this.session.executor) continue;
      if (!/^[A-Z][A-Za-z]{0,63}$/.test(reason)) continue;
      const now = new Date(this.context.clock.now());
      const at = time && time < now ? time : now;
      const about = { formation, kind: instances.name, name: shortName(instance), uid };
      this.context.events.record({ ...about, reason, message, warning, at });
    }
  }
}
