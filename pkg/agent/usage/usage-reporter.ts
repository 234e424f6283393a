import { setMaxListeners } from 'node:events';
import type { Clock } from '../../base/clock';
import { deadline, sleep } from '../../base/clock';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/log';
import type { UsageReport } from '../../gen/gilliam/v1/session_service';
import {
  type InstanceUsage,
  type TrafficUsage,
  TrafficUsage_Source as Source,
} from '../../gen/gilliam/v1/usage';
import type { TrafficLine, TrafficTable } from '../../registry/traffic';
import type { Identity } from '../labels';
import type { ServiceNetwork } from '../network/service-network';
import type { ContainerMeter } from './container-meter';

/** An instance that runs here. */
export interface Measured {
  readonly identity: Pick<Identity, 'formation' | 'process' | 'release' | 'name'>;
  readonly containerId: string;
}

export interface UsageReporterOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Absent: nothing is known of containers. */
  readonly meter?: ContainerMeter;
  /** Absent: nothing is known of traffic. */
  readonly network?: Pick<ServiceNetwork, 'traffic'>;
  readonly instances: () => readonly Measured[];
  /** `take` may have something to give. */
  readonly onReady: () => void;
}

/** Between two looks at the traffic: a request that is held waits for it. */
const lookMs = 500;
/** Between two reports: usually, and while requests are held or were a moment ago. */
const reportMs = { usual: 5_000, held: 1_000 } as const;
const heldForMs = 15_000;
const answerMs = 2_000;
const atOnce = 16;
/** For all that are measured together: what is not known by then is left out. */
const roundMs = 30_000;

/** What instances here use and how they are used, for the control plane. The newest report stands for all before it. */
export class UsageReporter {
  readonly #options: UsageReporterOptions;
  #report: UsageReport | undefined;
  #empty = true;

  constructor(options: UsageReporterOptions) {
    this.#options = options;
  }

  /** The newest report, once. */
  take(): UsageReport | undefined {
    const report = this.#report;
    this.#report = undefined;
    return report;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, meter, network } = this.#options;
    if (!meter && !network) return;
    let [reportedMs, heldMs, waiting] = [-Infinity, -Infinity, 0n];
    while (!signal.aborted) {
      try {
        const traffic = trafficUsage(await this.#traffic(signal));
        const waits = traffic.reduce((sum, one) => sum + one.waiting, 0n);
        const nowMs = clock.monotonic();
        if (waits > 0n) heldMs = nowMs;
        const everyMs = nowMs - heldMs < heldForMs ? reportMs.held : reportMs.usual;
        if (nowMs - reportedMs >= everyMs || (waits > 0n && waiting === 0n)) {
          reportedMs = nowMs;
          this.#offer({ instances: await this.#measure(signal), traffic });
        }
        waiting = waits;
      } catch (error) {
        if (!signal.aborted) log.debug('usage is not known', { error: messageOf(error) });
      }
      await sleep(clock, lookMs, signal).catch(() => {});
    }
  }

  #offer(report: UsageReport): void {
    const empty = report.instances.length === 0 && report.traffic.length === 0;
    if (empty && this.#empty) return;
    this.#empty = empty;
    this.#report = report;
    this.#options.onReady();
  }

  async #traffic(signal: AbortSignal): Promise<TrafficTable> {
    const { clock, network } = this.#options;
    const none: TrafficTable = { router: [], proxy: [], virtualIp: [] };
    if (!network) return none;
    const limit = deadline(clock, answerMs, signal);
    try {
      return await network.traffic(limit.signal);
    } catch (error) {
      if (signal.aborted) throw error;
      // While it is away nothing is counted there: what containers use is told all the same.
      return none;
    } finally {
      limit.dispose();
    }
  }

  async #measure(signal: AbortSignal): Promise<InstanceUsage[]> {
    const { meter, instances, clock } = this.#options;
    if (!meter) return [];
    const queue = [...instances()];
    const round = deadline(clock, roundMs, signal);
    // One listener for each that is asked for at a time.
    setMaxListeners(0, round.signal);
    const measured: InstanceUsage[] = [];
    const work = async () => {
      for (let next = queue.pop(); next && !round.signal.aborted; next = queue.pop()) {
        const limit = deadline(clock, answerMs, round.signal);
        try {
          const usage = await meter.read(next.containerId, limit.signal);
          const { formation, process: service, release, name: instance } = next.identity;
          if (usage) measured.push({ formation, service, release, instance, ...usage });
        } catch {
          // It has ended meanwhile, or the engine is away: it is not measured this time.
        } finally {
          limit.dispose();
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    round.dispose();
    return measured;
  }
}

/** A network daemon that is older than this agent, and not restarted yet, tells nothing of virtual IPs. */
function trafficUsage({ router = [], proxy = [], virtualIp = [] }: Partial<TrafficTable>): TrafficUsage[] {
  return [
    ...router.map((line) => ofSource(Source.ROUTER, line)),
    ...proxy.map((line) => ofSource(Source.PROXY, line)),
    ...virtualIp.map((line) => ofSource(Source.VIRTUAL_IP, line)),
  ];
}

function ofSource(
  source: Source,
  { durations, requests, errors, waiting, connections = 0, open = 0, ...line }: TrafficLine,
): TrafficUsage {
  return {
    ...line,
    source,
    requests: BigInt(requests),
    errors: BigInt(errors),
    waiting: BigInt(waiting),
    connections: BigInt(connections),
    openConnections: BigInt(open),
    durationCounts: durations.map(BigInt),
  };
}
