import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { reportConfirmations } from './confirmations';
import type { Awaited, Step } from './core';
import type { FollowerHub, Pending } from './follower-hub';
import type { Changes } from './types';
import type { AckReport } from './withdrawals';

export interface StepPublisherOptions {
  /** Of this node. */
  readonly name: string;
  readonly clock: Clock;
  readonly hub: FollowerHub;
  /** Tells the origin of a withdrawal who has confirmed it here. */
  readonly report: (origin: string, report: AckReport) => void;
}

/** Tells of each step: its changes to followers, their confirmations to whoever waits for them, and formations to listeners. */
export class StepPublisher {
  readonly #options: StepPublisherOptions;
  readonly #listeners = new Set<(formations: ReadonlySet<string>) => void>();

  constructor(options: StepPublisherOptions) {
    this.#options = options;
  }

  publish(step: Step): void {
    this.#tellFollowers(step);
    if (step.changes.length === 0 || this.#listeners.size === 0) return;
    const formations = new Set(step.changes.map(({ path }) => path.slice(0, path.indexOf('/'))));
    for (const listener of [...this.#listeners]) listener(formations);
  }

  /** Calls back after each step, with the formations in which something has changed. */
  onChange(listener: (formations: ReadonlySet<string>) => void): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => void this.#listeners.delete(listener) };
  }

  /** What somebody waits for is told apart: it is confirmed without waiting for anything else. */
  #tellFollowers({ changes, awaited }: Step): void {
    const { hub } = this.#options;
    if (hub.names.length > 0) {
      const apart = new Set(awaited.map(({ item }) => item.path));
      const together = changes.filter(({ path }) => !apart.has(path));
      if (together.length > 0) hub.publish(changesOf(together));
    }
    for (const one of awaited) {
      const own = changesOf(changes.filter(({ path }) => path === one.item.path));
      if (own.announced.length + own.withdrawn.length > 0) hub.publish(own);
      this.#confirm(one, hub.settled(one.item.path));
    }
  }

  /** Tells the origin of a withdrawal when nothing is sent there from here any more. */
  #confirm({ origin, item }: Awaited, pending: readonly Pending[]): void {
    const { name, clock, report } = this.#options;
    const send = (confirmed: AckReport) => report(origin, confirmed);
    reportConfirmations(pending, { version: item.version, node: name, clock, send });
  }
}

function changesOf(changes: Step['changes']): Changes {
  return {
    announced: changes.flatMap(({ after }) => after ?? []),
    withdrawn: changes.flatMap(({ before }) => before ?? []),
  };
}
