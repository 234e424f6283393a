import { sleep, type Clock } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import { TrafficCounters } from '../metrics/traffic-counters';
import type { TrafficLine } from '../registry/traffic';
import type { HaproxyProcess } from './haproxy-process';
import { LogSample } from './log-sample';
import { parseServerStats, type ServerStats } from './server-stats';

export interface TrafficReportOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Takes all there is; stands for what was told before. */
  readonly tell: (lines: readonly TrafficLine[], signal: AbortSignal) => Promise<void>;
  readonly everyMs?: number;
}

/** What requests are held is told so soon: several that come together are one change. */
const soonMs = 50;

/** Counts what HAProxy sends to services, by release, from its own counters; times from a sample of its log. */
export class TrafficReport {
  readonly counters: TrafficCounters;
  readonly #options: TrafficReportOptions;
  /** As the current worker has counted. */
  #worker = '';
  #last = new Map<string, ServerStats>();
  #first = true;
  #droppedTold = false;
  /** What was under way when it was last looked at, by release. */
  #open = new Map<string, Pick<ServerStats, 'key' | 'open'>>();
  #soon = false;
  #wake: () => void = () => {};

  constructor(options: TrafficReportOptions) {
    this.#options = options;
    this.counters = new TrafficCounters(options);
  }

  /** Something has changed that somebody waits for. */
  soon(): void {
    this.#soon = true;
    this.#wake();
  }

  async run(
    haproxy: Pick<HaproxyProcess, 'runtime' | 'accessLog' | 'pid'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log, tell, everyMs = 2_000 } = this.#options;
    const sample = new LogSample(haproxy.accessLog.path);
    // What does not run yet has counted nothing before us, and will write from here on.
    if (haproxy.pid() === undefined) this.#first = false;
    await sample.read();
    let [countedMs, failed] = [-Infinity, false];
    while (!signal.aborted) {
      try {
        if (clock.monotonic() - countedMs >= everyMs && haproxy.pid() !== undefined) {
          countedMs = clock.monotonic();
          await this.#count(haproxy, sample);
        }
        await tell(this.counters.lines(), signal);
        failed = false;
      } catch (error) {
        if (!failed && !signal.aborted) log.info('traffic is not told', { error: messageOf(error) });
        failed = true;
      }
      if (!this.#soon) await this.#pause(everyMs, signal);
      if (this.#soon) await sleep(clock, soonMs, signal).catch(() => {});
      this.#soon = false;
    }
  }

  async #count(haproxy: Pick<HaproxyProcess, 'runtime'>, sample: LogSample): Promise<void> {
    const [info = '', stats = ''] = await haproxy.runtime.send(['show info', 'show stat -1 4 -1']);
    this.#tellDropped(Number(/^DroppedLogs: (\d+)$/m.exec(info)?.[1] ?? 0));
    this.take(/^Pid: (\d+)$/m.exec(info)?.[1] ?? '', parseServerStats(stats));
    for (const { key, durationMs } of await sample.read()) this.counters.of(key).took(durationMs);
  }

  /** Once: it says that the log is not to be counted by, and goes on for as long as the machine is as busy. */
  #tellDropped(lines: number): void {
    if (lines === 0 || this.#droppedTold) return;
    this.#droppedTold = true;
    this.#options.log.warn(
      'HAProxy has dropped lines of the access log: requests are served, not all are logged',
      {
        lines,
      },
    );
  }

  /** What a worker has counted. One that was there before us has counted what is none of our business. */
  take(worker: string, servers: readonly ServerStats[]): void {
    const same = worker === this.#worker;
    for (const server of servers) {
      const before = same ? this.#last.get(server.id) : this.#first ? server : undefined;
      const requests = grown(before?.requests, server.requests);
      const errors = grown(before?.errors, server.errors);
      if (requests > 0 || errors > 0) this.counters.of(server.key).count(requests, errors);
    }
    this.#takeOpen(servers);
    this.#worker = worker;
    this.#first = false;
    this.#last = new Map(servers.map((server) => [server.id, server]));
  }

  /** Of the worker that there is: those that a reload has left to an old one are seen by nobody. */
  #takeOpen(servers: readonly ServerStats[]): void {
    const before = this.#open;
    this.#open = new Map();
    for (const { key, open } of servers) {
      if (open === 0) continue;
      const id = `${key.formation}/${key.service}/${key.release}`;
      this.#open.set(id, { key, open: open + (this.#open.get(id)?.open ?? 0) });
    }
    for (const [id, { key }] of before) if (!this.#open.has(id)) this.counters.of(key).isOpen(0);
    for (const { key, open } of this.#open.values()) this.counters.of(key).isOpen(open);
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.dispose();
        signal.removeEventListener('abort', end);
        this.#wake = () => {};
        resolve();
      };
      const timer = this.#options.clock.after(ms, end);
      this.#wake = end;
      signal.addEventListener('abort', end, { once: true });
    });
  }
}

/** A server that was added again counts from nothing. */
function grown(before: number | undefined, after: number): number {
  return before === undefined || after < before ? after : after - before;
}
