import { backoffMs } from '../base/backoff';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { InvalidError, messageOf, UnavailableError } from '../base/errors';
import type { Logger } from '../base/log';
import type { Transport } from './transport';
import type { AckReport } from './withdrawals';
import { parseAckReport } from './withdrawals';

/** After that nobody waits any more, or the origin is down. */
const maxAttempts = 8;
const backoff = { startMs: 50, capMs: 2_000 };

export interface PeerReportsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly transport: Transport;
  readonly addressOf: (node: string) => string | undefined;
}

/** Tells origins who has confirmed their withdrawals. What comes while a report is under way goes with the next one. */
export class PeerReports {
  readonly #options: PeerReportsOptions;
  /** By origin, then by version: the newest report stands for all before it. */
  readonly #waiting = new Map<string, Map<string, AckReport>>();
  readonly #end = new AbortController();

  constructor(options: PeerReportsOptions) {
    this.#options = options;
  }

  /** Throws InvalidError for what is no list of reports. */
  static parse(value: unknown): readonly AckReport[] {
    if (!Array.isArray(value)) throw new InvalidError('reports of peers are a list');
    return value.map((one) => {
      const report = parseAckReport(one);
      if (!report) throw new InvalidError('a report of a peer is malformed');
      return report;
    });
  }

  send(origin: string, report: AckReport): void {
    const waiting = this.#waiting.get(origin);
    if (waiting) {
      waiting.set(report.version, report);
      return;
    }
    this.#waiting.set(origin, new Map([[report.version, report]]));
    void this.#deliver(origin);
  }

  close(): void {
    this.#end.abort();
  }

  async #deliver(origin: string): Promise<void> {
    // What else is confirmed in this turn goes along.
    await Promise.resolve();
    const waiting = this.#waiting.get(origin);
    for (let attempt = 0; waiting && waiting.size > 0 && !this.#end.signal.aborted; attempt++) {
      const reports = [...waiting.values()];
      try {
        await this.#post(origin, reports);
        for (const report of reports)
          if (waiting.get(report.version) === report) waiting.delete(report.version);
        attempt = -1;
      } catch (error) {
        if (attempt >= maxAttempts) {
          this.#options.log.warn('an origin does not take reports of withdrawals', {
            origin,
            error: messageOf(error),
          });
          break;
        }
        await sleep(this.#options.clock, backoffMs(backoff, attempt), this.#end.signal).catch(() => {});
      }
    }
    this.#waiting.delete(origin);
  }

  async #post(origin: string, reports: readonly AckReport[]): Promise<void> {
    const address = this.#options.addressOf(origin);
    if (address === undefined) return;
    const { status, text } = await this.#options.transport.post(
      address,
      '/-/ack',
      JSON.stringify(reports),
      this.#end.signal,
    );
    if (status !== 204) throw new UnavailableError(`${origin} answers ${status}: ${text.slice(0, 300)}`);
  }
}
