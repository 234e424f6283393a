import { sleep } from '../../base/clock';
import { CancelledError, ConflictError, ExistsError, messageOf } from '../../base/errors';
import type { UsageReport } from '../../gen/gilliam/v1/session_service';
import { bucketCount } from '../../metrics/duration-buckets';
import { usages, type Usage } from '../../resource/objects';
import type { Lease } from '../../store/store';
import type { ApiContext } from '../api-context';
import { newMetadata } from '../objects';
import { Pulse } from '../pulse';
import type { ReportingSession } from './report-writer';

/** The session that usage is kept for as long as it lasts. */
export interface UsageSession extends ReportingSession {
  readonly executor: string;
  lease(): Promise<Lease>;
}

const maxInstances = 2_000;
const maxTraffic = 2_000;
const maxNameChars = 64;
/** An executor that says more often what it uses is not written more often: the newest stands for all before it. */
const defaultPauseMs = 900;

/**
 * Keeps what one executor uses in the store, for as long as its session lasts. Whatever goes wrong, nothing waits for it:
 * the next report says all that this one has said.
 */
export class UsageWriter {
  readonly #pulse = new Pulse();
  #newest: UsageReport | undefined;
  #written: Usage | undefined;
  #complained = false;

  constructor(
    private readonly context: Pick<ApiContext, 'store' | 'clock' | 'random' | 'log'>,
    private readonly session: UsageSession,
    private readonly pauseMs = defaultPauseMs,
  ) {}

  /** What is too much of it, or cannot be, is left out: a session is for more than this, and goes on. */
  take(report: UsageReport): void {
    const instances = report.instances.filter(isNamed).slice(0, maxInstances);
    const traffic = report.traffic
      .filter((line) => isNamed(line) && line.durationCounts.length <= bucketCount)
      .slice(0, maxTraffic);
    const leftOut = report.instances.length + report.traffic.length - instances.length - traffic.length;
    if (leftOut > 0 && !this.#complained) {
      this.#complained = true;
      const { executor } = this.session;
      this.context.log.warn('usage is left out: there is too much, or it is not sound', {
        executor,
        leftOut,
      });
    }
    this.#newest = { instances, traffic };
    this.#pulse.beat();
  }

  /** Writes what is taken until the signal aborts, which is when the session is over; then removes it. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.context;
    while (!signal.aborted) {
      const report = this.#newest;
      this.#newest = undefined;
      if (!report) {
        await this.#pulse.next(signal);
        continue;
      }
      try {
        await this.#write(report, signal);
      } catch (error) {
        if (!signal.aborted)
          log.debug('usage not written', { executor: this.session.executor, error: messageOf(error) });
      }
      await sleep(clock, this.pauseMs, signal).catch(() => {});
    }
    await this.#remove();
  }

  async #write({ instances, traffic }: UsageReport, signal: AbortSignal): Promise<void> {
    const { store, clock } = this.context;
    const key = { formation: '', name: this.session.executor };
    const time = new Date(clock.now());
    for (let known = this.#written !== undefined; ; known = false) {
      const before = known ? this.#written : await store.get(usages, key, signal);
      const object: Usage = {
        metadata: before?.metadata ?? newMetadata(this.context, key),
        time,
        instances,
        traffic,
      };
      const lease = await this.session.lease();
      if (signal.aborted) throw new CancelledError('the session is over');
      try {
        const revision = await store.commit(
          [{ op: before ? 'update' : 'create', kind: usages, object, lease }],
          [this.session.guard()],
        );
        this.#written = { ...object, metadata: { ...object.metadata, revision } };
        return;
      } catch (error) {
        this.#written = undefined;
        if (!(known && (error instanceof ConflictError || error instanceof ExistsError))) throw error;
        // The session's object or ours was made anew under another lease: once more, as it is now.
        await this.session.confirm(signal);
      }
    }
  }

  /** The lease is that of all sessions: it would keep what is said of this one. */
  async #remove(): Promise<void> {
    const { store, log } = this.context;
    const { executor } = this.session;
    if (!this.#written) return;
    const key = { formation: '', name: executor };
    const { revision } = this.#written.metadata;
    try {
      await store.commit([{ op: 'delete', kind: usages, key, revision }]);
    } catch (error) {
      // A newer session has written its own; or the store is away, and the executor's next session writes over it.
      log.debug('usage not removed', { executor, error: messageOf(error) });
    }
  }
}

function isNamed(of: {
  readonly formation: string;
  readonly service: string;
  readonly release: string;
}): boolean {
  return [of.formation, of.service, of.release].every((name) => name.length <= maxNameChars);
}
