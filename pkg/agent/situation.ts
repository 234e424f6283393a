import type { Logger } from '../base/log';
import { InstanceState } from '../gen/gilliam/v1/instance';
import type { Facts } from './decide';
import type { Container } from './driver';
import type { Identity } from './labels';
import { RunAttendant } from './run-attendant';
import { Setbacks } from './setbacks';
import type { StatusPatch } from './status';
import { StatusKeeper } from './status-keeper';
import type { Task } from './task';
import type { Wish } from './wish';
import type { WorkerContext } from './worker-context';

/**
 * What one worker knows of its instance: `decide` reads it, the steps write it. All of it only saves asking; a worker
 * that begins anew with the container's labels does the same.
 */
export class Situation {
  readonly context: WorkerContext;
  readonly log: Logger;
  readonly keeper: StatusKeeper;
  readonly attendant: RunAttendant;
  readonly setbacks: Setbacks;
  wish: Wish;
  /** As last seen. */
  container: Container | undefined;
  /** Something has happened to the container since it was last seen. */
  poked = false;
  /** A step did not tell what it has come to. */
  unsure = false;
  finished = false;
  /** It could not be started, for good. */
  failed = false;
  pull = false;
  pulled = false;
  discard = false;
  judged = false;
  /** The next start counts as a restart although its container is a new one. */
  replacing = false;
  /** Aborted when something else is wished while the step is under way. */
  step = new AbortController();

  constructor(context: WorkerContext, identity: Identity, wish: Wish) {
    this.context = context;
    this.wish = wish;
    this.log = context.log.child({ instance: identity.name, formation: identity.formation });
    this.keeper = new StatusKeeper(context, identity);
    this.attendant = new RunAttendant(context, this.keeper);
    this.setbacks = new Setbacks(context.clock, context.random);
  }

  get uid(): string {
    return this.keeper.identity.uid;
  }

  /** What is known of the container may not be so any more. */
  get stale(): boolean {
    return this.poked || this.unsure;
  }

  /** Of an instance whose wish has one. */
  get task(): Task {
    if (!('task' in this.wish)) throw new Error('a step that needs a task was taken without one');
    return this.wish.task;
  }

  facts(): Facts {
    return {
      wish: this.wish,
      container: this.stale ? 'unknown' : this.container,
      mayCreate: this.context.mayCreate(),
      failed: this.failed,
      pull: this.pull,
      discard: this.discard,
      judged: this.judged,
      startNotBeforeMs: this.setbacks.startNotBeforeMs,
      engineNotBeforeMs: this.setbacks.engineNotBeforeMs,
      nowMs: this.context.clock.monotonic(),
    };
  }

  see(container: Container): void {
    this.container = container;
    if (container.state !== 'exited') this.judged = false;
    if (this.failed) return;
    const hostPorts = container.ports.map((port) => port.hostPort);
    this.context.ports.adopt(this.uid, hostPorts);
  }

  /** For good. */
  fail(reason: string, message: string, patch: StatusPatch = {}): void {
    this.failed = true;
    this.unsure = false;
    this.context.ports.release(this.uid);
    this.keeper.set({ ...patch, state: InstanceState.FAILED, ready: false, reason, message });
    this.keeper.warn('Failed', `${reason}: ${message}`);
  }
}
