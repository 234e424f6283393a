import type { Clock } from '../base/clock';
import { deadline } from '../base/clock';
import { CancelledError } from '../base/errors';
import { isRecord } from './item';
import type { Withdrawal } from './types';

/** What a node tells the origin of a withdrawal. Each report stands for all before it. */
export interface AckReport {
  /** Of what was withdrawn. */
  readonly version: string;
  readonly node: string;
  /** Those that confirm on the node, by name. */
  readonly followers: readonly string[];
  readonly acknowledged: readonly string[];
}

/** Checks a report that came from a peer. */
export function parseAckReport(value: unknown): AckReport | undefined {
  if (!isRecord(value)) return undefined;
  const { version, node, followers, acknowledged } = value;
  const sound =
    typeof version === 'string' && typeof node === 'string' && areTexts(followers) && areTexts(acknowledged);
  return sound ? { version, node, followers, acknowledged } : undefined;
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

interface Waiting {
  /** By node; undefined of those that have not said anything yet. */
  readonly reports: Map<string, AckReport | undefined>;
  readonly check: () => void;
}

/** The withdrawals that the origin waits for. */
export class Withdrawals {
  readonly #waiting = new Map<string, Waiting>();
  readonly #clock: Clock;
  readonly #isUp: (node: string) => boolean;

  constructor(options: { readonly clock: Clock; readonly isUp: (node: string) => boolean }) {
    this.#clock = options.clock;
    this.#isUp = options.isUp;
  }

  /**
   * Resolves when all these nodes have confirmed, or are down, or when the time is over. To be called in the turn in which
   * the withdrawal is recorded: no report can have come before.
   */
  async wait(
    version: string,
    nodes: readonly string[],
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<Withdrawal> {
    const limit = deadline(this.#clock, waitMs, signal);
    const reports = new Map<string, AckReport | undefined>(nodes.map((node) => [node, undefined]));
    try {
      await new Promise<void>((resolve) => {
        const check = () => {
          if ([...reports].every(([node, report]) => isDone(report) || !this.#isUp(node))) resolve();
        };
        this.#waiting.set(version, { reports, check });
        limit.signal.addEventListener('abort', () => resolve(), { once: true });
        check();
      });
    } finally {
      this.#waiting.delete(version);
      limit.dispose();
    }
    if (signal?.aborted) throw new CancelledError('whoever waited for the withdrawal has gone');
    return resultOf(reports);
  }

  report(report: AckReport): void {
    const waiting = this.#waiting.get(report.version);
    // Of a node that came up later, or twice after all is over: nobody waits for it.
    if (!waiting?.reports.has(report.node)) return;
    waiting.reports.set(report.node, report);
    waiting.check();
  }

  /** Looks again who is up. */
  tick(): void {
    for (const { check } of this.#waiting.values()) check();
  }
}

function isDone(report: AckReport | undefined): boolean {
  return report?.followers.every((name) => report.acknowledged.includes(name)) ?? false;
}

function resultOf(reports: ReadonlyMap<string, AckReport | undefined>): Withdrawal {
  const acknowledged: string[] = [];
  const missing: string[] = [];
  for (const [node, report] of reports) {
    if (!report) missing.push(`${node}/registry`);
    for (const name of report?.followers ?? []) {
      (report?.acknowledged.includes(name) ? acknowledged : missing).push(`${node}/${name}`);
    }
  }
  return { acknowledged: acknowledged.sort(), missing: missing.sort() };
}
