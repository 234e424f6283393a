import type { Clock } from '../base/clock';
import { InvalidError } from '../base/errors';
import { isRecord } from './item';

/** What one sender of requests has sent to one release of a service. Counters only grow, and begin anew with an epoch. */
export interface TrafficLine {
  readonly formation: string;
  readonly service: string;
  /** `v2`; empty for what is not Gilliam's, and for requests that are held. */
  readonly release: string;
  readonly epoch: string;
  readonly requests: number;
  /** Answered with 5xx, or not at all. */
  readonly errors: number;
  /** How many took how long, by bucket; of all requests, or of some. */
  readonly durations: readonly number[];
  /** Requests that are held now. */
  readonly waiting: number;
  /** Connections that were made, of those whose requests nobody sees. Absent for none. */
  readonly connections?: number;
  /** The same that are open now, in use or not; of others, the requests and tunnels that are under way. Absent for none. */
  readonly open?: number;
}

/** All that is sent from one executor. */
export interface TrafficTable {
  readonly router: readonly TrafficLine[];
  readonly proxy: readonly TrafficLine[];
  readonly virtualIp: readonly TrafficLine[];
}

const maxLines = 2_000;
const maxDurations = 32;
/** A router that has not spoken for so long holds nothing any more, and counts nothing. */
const silentMs = 30_000;

/** Where router, proxy and virtual IPs of an executor tell what they have sent, and its agent asks for it. */
export class TrafficBoard {
  #router: { readonly lines: readonly TrafficLine[]; readonly atMs: number } | undefined;

  constructor(
    private readonly options: {
      readonly clock: Clock;
      /** Of the proxy in this process. */
      readonly proxy?: () => readonly TrafficLine[];
      /** Of the virtual IPs that this process keeps. */
      readonly virtualIp?: () => readonly TrafficLine[];
    },
  ) {}

  /** Of the router: stands for what it told before. @throws {InvalidError} */
  put(value: unknown): void {
    this.#router = { lines: parseTraffic(value), atMs: this.options.clock.monotonic() };
  }

  get table(): TrafficTable {
    const { clock, proxy, virtualIp } = this.options;
    const heard = this.#router;
    const router = heard && clock.monotonic() - heard.atMs < silentMs ? heard.lines : [];
    return { router, proxy: proxy?.() ?? [], virtualIp: virtualIp?.() ?? [] };
  }
}

function parseTraffic(value: unknown): readonly TrafficLine[] {
  if (!Array.isArray(value)) throw new InvalidError('traffic is a list of lines');
  if (value.length > maxLines) {
    throw new InvalidError(`there are ${value.length} lines of traffic, and at most ${maxLines} are taken`);
  }
  return value.map((one: unknown, index) => {
    const line = isRecord(one) ? one : {};
    const { formation, service, release, epoch, requests, errors, durations, waiting, open = 0 } = line;
    if (
      [formation, service, release, epoch].every(isShort) &&
      [requests, errors, waiting, open].every(isCount) &&
      Array.isArray(durations) &&
      durations.length <= maxDurations &&
      durations.every(isCount)
    ) {
      const counted = { requests, errors, durations, waiting, ...(open !== 0 && { open }) };
      return { formation, service, release, epoch, ...counted } as TrafficLine;
    }
    throw new InvalidError(`traffic[${index}] is no line of traffic`);
  });
}

function isShort(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 64;
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
