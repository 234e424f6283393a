import type { InstanceStatus } from '../gen/gilliam/v1/instance';
import type { EventReport, InstanceReport, Report } from '../gen/gilliam/v1/session_service';
import type { Identity } from './labels';

/** In one message, so that it stays far below the message limit. */
const maxInstances = 500;
/** Kept while there is no connection; the oldest go first. */
const maxEvents = 1000;
const maxEventsInReport = 200;

/**
 * What is to be told to the control plane. The newest status of an instance stands for all before it, so however
 * long a connection is away, what waits is bounded by the number of instances. One report is under way at a time:
 * what comes up meanwhile gathers, and goes in the next.
 */
export class Reporter {
  readonly #statuses = new Map<string, InstanceReport>();
  #events: EventReport[] = [];
  #sequence = 0n;
  #underWay: Report | undefined;
  readonly #onReady: () => void;

  /** `onReady` is called when `take` may have something to give. */
  constructor(onReady: () => void) {
    this.#onReady = onReady;
  }

  status(identity: Pick<Identity, 'uid' | 'formation' | 'name'>, status: InstanceStatus): void {
    const { uid, formation, name } = identity;
    // Set anew, so that what changes often does not stay ahead of what changed first.
    this.#statuses.delete(uid);
    this.#statuses.set(uid, { uid, formation, name, status });
    this.#onReady();
  }

  event(event: EventReport): void {
    this.#events.push(event);
    if (this.#events.length > maxEvents) this.#events.shift();
    this.#onReady();
  }

  /** Nothing more is to be told of the instance: the control plane has forgotten it. */
  forget(uid: string): void {
    this.#statuses.delete(uid);
  }

  /** The next report to send, if there is one and none is under way. */
  take(): Report | undefined {
    if (this.#underWay || (this.#statuses.size === 0 && this.#events.length === 0)) return undefined;
    const instances = [...this.#statuses.values()].slice(0, maxInstances);
    for (const { uid } of instances) this.#statuses.delete(uid);
    const events = this.#events.splice(0, maxEventsInReport);
    this.#underWay = { sequence: ++this.#sequence, instances, events };
    return this.#underWay;
  }

  acknowledged(sequence: bigint): void {
    if (this.#underWay?.sequence !== sequence) return;
    this.#underWay = undefined;
    this.#onReady();
  }

  /** A new session begins: what was not acknowledged is sent again, unless something newer is there already. */
  reconnected(): void {
    const lost = this.#underWay;
    this.#underWay = undefined;
    this.#sequence = 0n;
    if (!lost) return;
    for (const report of lost.instances) {
      if (!this.#statuses.has(report.uid)) this.#statuses.set(report.uid, report);
    }
    this.#events = [...lost.events, ...this.#events].slice(-maxEvents);
  }
}
