import type { Logger } from '../base/log';
import type { OneOff as OneOffSpec } from '../gen/gilliam/v1/instance';
import { InstanceState } from '../gen/gilliam/v1/instance';
import type { Facts } from './decide';
import type { Container } from './driver';
import { Exposure } from './exposure';
import type { Identity, Serving } from './labels';
import { servingOfContainer } from './labels';
import { announcementOf, toldBy } from './network/announcement';
import { OneOff } from './one-off';
import { RunAttendant } from './run-attendant';
import { Setbacks } from './setbacks';
import type { StatusPatch } from './status';
import { StatusKeeper } from './status-keeper';
import type { Task } from './task';
import { codeOf } from './terminal/refusal';
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
  /** Absent without a service network, and for what runs once: that is not announced. */
  readonly exposure: Exposure | undefined;
  /** Only of an instance that runs once. */
  readonly once: OneOff | undefined;
  wish: Wish;
  /** As last seen. */
  container: Container | undefined;
  /** Something has happened to the container since it was last seen. */
  poked = false;
  /** How many ends of the container's runs have been heard of, and were before it was last seen. */
  ends = { heard: 0, seen: 0 };
  /** A step did not tell what it has come to. */
  unsure = false;
  finished = false;
  /** It could not be started, for good. */
  failed = false;
  pull = false;
  pulled = false;
  discard = false;
  judged = false;
  /** Nobody sends requests to this run of the container any more. */
  drained = false;
  /** The drain is the step that is under way. */
  draining = false;
  /** The next start counts as a restart although its container is a new one. */
  replacing = false;
  /** How the last run ended, in words. */
  ended: string | undefined;
  /** Aborted when something else is wished while the step is under way. */
  step = new AbortController();

  /**
   * `found`: there may be a container of it already, and what an agent before this one has announced. `onChange` is
   * called when something is different that no event tells of.
   */
  constructor(
    context: WorkerContext,
    identity: Identity,
    wish: Wish,
    { found, onChange }: { readonly found: boolean; readonly onChange: () => void },
  ) {
    this.context = context;
    this.wish = wish;
    this.log = context.log.child({ instance: identity.name, formation: identity.formation });
    this.keeper = new StatusKeeper(context, identity);
    this.attendant = new RunAttendant(context, this.keeper, () => this.expose());
    this.setbacks = new Setbacks(context.clock, context.random);
    const announcer = context.network?.announcer;
    this.once = identity.oneOff && new OneOff(context, identity.oneOff.attached, onChange);
    this.exposure =
      announcer && !this.once ? new Exposure(announcer, identity.uid, { perhaps: found }) : undefined;
  }

  get uid(): string {
    return this.keeper.identity.uid;
  }

  /** What is known of the container may not be so any more. */
  get stale(): boolean {
    return this.poked || this.unsure;
  }

  /** It runs as far as is known: once its end is heard of, its address may be another's at any moment. */
  get present(): boolean {
    return this.container?.state === 'running' && this.ends.heard === this.ends.seen;
  }

  /** Of an instance whose wish has one. */
  get task(): Task {
    if (!('task' in this.wish)) throw new Error('a step that needs a task was taken without one');
    return this.wish.task;
  }

  /** What was asked of an instance that runs once; undefined until that is heard. */
  get oneOffSpec(): OneOffSpec | undefined {
    return 'task' in this.wish ? this.wish.task.instance.spec.oneOff : undefined;
  }

  /** Who holds the ports that somebody chose for the instance. */
  get chosenHolder(): string {
    return `${this.uid}/chosen`;
  }

  releasePorts(): void {
    this.context.ports.release(this.uid);
    this.context.ports.release(this.chosenHolder);
  }

  facts(): Facts {
    return {
      wish: this.wish,
      container: this.stale ? 'unknown' : this.container,
      mayCreate: this.context.mayCreate(),
      networkKnown: !this.context.network || this.context.network.environment !== undefined,
      drained: !this.exposure || this.drained,
      failed: this.failed,
      pull: this.pull,
      discard: this.discard,
      judged: this.judged,
      startNotBeforeMs: this.setbacks.startNotBeforeMs,
      engineNotBeforeMs: this.setbacks.engineNotBeforeMs,
      nowMs: this.context.clock.monotonic(),
      once: this.once?.facts(this.oneOffSpec),
    };
  }

  /** Keeps what is announced in step with what is ready. What is to stop is taken back by its drain. */
  expose(): void {
    const { exposure, attendant, container } = this;
    if (!exposure) return;
    const { identity } = this.keeper;
    const ended = container?.state === 'running' && !this.present;
    if (ended || attendant.ready === false) return exposure.hide(identity);
    if (this.stale) return;
    if (container?.state !== 'running') return exposure.hide(identity);
    const serving = this.serving(container);
    if (!attendant.ready || !serving) return;
    const at = { host: this.context.address, executor: this.context.owner.executor };
    const told = this.wish.kind === 'run' ? toldBy(this.wish.task) : {};
    exposure.show(identity, announcementOf(identity, container, serving, at, told));
  }

  /** What is known of the process: its release's word, or before that is heard the container's labels. */
  serving(container: Container): Serving | undefined {
    return this.wish.kind === 'run' ? this.wish.task.process : servingOfContainer(container);
  }

  see(container: Container): void {
    this.container = container;
    if (container.state !== 'exited') this.judged = false;
    if (container.state === 'running') this.once?.started(container.startedMs);
    if (this.failed) return;
    const hostPorts = container.ports.map((port) => port.hostPort);
    this.context.ports.adopt(this.uid, hostPorts);
  }

  /** For good. */
  fail(reason: string, message: string, patch: StatusPatch = {}): void {
    this.failed = true;
    this.unsure = false;
    this.releasePorts();
    this.once?.refuse(codeOf(reason, message), message);
    this.keeper.set({ ...patch, state: InstanceState.FAILED, ready: false, reason, message });
    this.keeper.warn('Failed', `${reason}: ${message}`);
  }
}
