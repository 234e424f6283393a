import { messageOf } from '../base/errors';
import type { Assignment, AssignmentChange, Task as TaskMessage } from '../gen/gilliam/v1/session_service';
import type { Identity as Address } from '../registry/types';
import type { AgentTimes } from './config';
import type { Container, ContainerEvent } from './driver';
import { byInstance } from './listing';
import { keyOf, sharedBy } from './network/announcement';
import type { AddressTable } from './network/service-network';
import { completeTask } from './task';
import type { Measured } from './usage/usage-reporter';
import { wishOf } from './wish';
import { Worker } from './worker';
import type { SharedContext, WorkerContext } from './worker-context';

export interface WorkersOptions {
  readonly context: SharedContext;
  readonly times: AgentTimes;
  /** Nothing runs any more that should not: new containers may be made. */
  readonly onOpen: () => void;
  /** A worker has taken a step: something about its instance may be different. */
  readonly onStep: (uid: string) => void;
}

/**
 * One worker for each instance that is assigned here or has a container here. Assignments say what is wished, the
 * engine's lists and events what there is.
 */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #context: WorkerContext;
  /** By the instance's uid. */
  readonly #workers = new Map<string, Worker>();
  readonly #running = new Set<Promise<void>>();
  /** An assignment has come, ever: what it does not name is not to run. */
  #assigned = false;
  #listed = false;
  /** Invariant 10: no new container before what should not run here has been stopped. */
  #open = false;
  #ended = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#context = {
      ...options.context,
      mayCreate: () => this.#open,
      listed: () => this.#listed,
      onStep: (uid) => this.#onStep(uid),
    };
  }

  get(uid: string): Worker | undefined {
    return this.#workers.get(uid);
  }

  takeAssignment(assignment: Assignment): void {
    this.#assigned = true;
    // Before any worker sees its task: a new one begins at once.
    this.#open = false;
    const named = new Set<string>();
    for (const message of assignment.tasks) {
      const uid = this.#assign(message, true);
      if (uid) named.add(uid);
    }
    for (const worker of this.#workers.values()) {
      if (!named.has(worker.uid)) this.#stray(worker);
    }
    this.#openWhenClear();
  }

  takeChange(change: AssignmentChange): void {
    const { context, times } = this.#options;
    for (const message of change.tasks) this.#assign(message, false);
    for (const uid of change.forgotten) {
      context.reporter.forget(uid);
      const worker = this.#workers.get(uid);
      // Why it failed is mostly in its log, and asked for afterwards.
      const keptMs = worker?.failed && !worker.identity.oneOff ? times.failedKeptMs : 0;
      worker?.assign({ kind: 'gone', notBeforeMs: context.clock.monotonic() + keptMs });
    }
  }

  takeList(containers: readonly Container[]): void {
    this.#listed = true;
    const { kept, doubles } = byInstance(containers);
    for (const double of doubles) this.#removeDouble(double);
    for (const [uid, container] of kept) {
      const worker = this.#workers.get(uid);
      if (!worker) this.#take(container);
      else if (worker.container?.id !== container.id) worker.ended();
      else if (isSameRun(worker.container, container)) worker.wake();
      else if (container.state === 'running') worker.poke();
      else worker.ended();
    }
    for (const worker of this.#workers.values()) {
      if (!kept.has(worker.uid)) {
        // One that is just being made may not have been in the list yet: it looks for itself.
        if (worker.container) worker.ended();
        else worker.wake();
      }
    }
    this.#openWhenClear();
  }

  takeEvent(event: ContainerEvent): void {
    // A start is either our own, or found when the container is next looked at.
    if (event.action === 'started') return;
    const worker = this.#workers.get(event.uid);
    if (!worker || (worker.container && worker.container.id !== event.id)) return;
    worker.ended(event.exitCode);
    // Its address is free from now on: whoever is given it next is somebody else.
    this.#options.onStep(worker.uid);
  }

  /**
   * Whose the addresses of running containers are, whether or not they are ready. Undefined until the engine has said what
   * runs: to know of nobody would cut all off from their own.
   */
  addresses(): AddressTable | undefined {
    if (!this.#listed) return undefined;
    const table: Record<string, Address> = {};
    for (const { present, container, identity, wish } of this.#workers.values()) {
      if (!present || container?.address === undefined) continue;
      const { address, link } = container;
      const { imports, ...told } =
        'task' in wish ? { imports: wish.task.imports, ...sharedBy(wish.task) } : {};
      const seat = link === undefined ? {} : { link };
      table[address] = { ...keyOf(identity), ...seat, ...(imports && { imports }), ...told };
    }
    return table;
  }

  /** What runs here, to be measured. */
  measured(): Measured[] {
    return [...this.#workers.values()].flatMap(({ container, identity }) =>
      container?.state === 'running' ? [{ identity, containerId: container.id }] : [],
    );
  }

  /** Something that all of them may wait for has come. */
  wake(): void {
    for (const worker of this.#workers.values()) worker.wake();
  }

  /** Ends all workers; their containers are left as they are. */
  async end(): Promise<void> {
    this.#ended = true;
    for (const worker of this.#workers.values()) worker.dispose();
    await Promise.all(this.#running);
  }

  #assign(message: TaskMessage, compare: boolean): string | undefined {
    const task = completeTask(message);
    if (!task) {
      this.#options.context.log.warn('the control plane sent a task without an instance');
      return undefined;
    }
    const { uid } = task.instance.metadata;
    const wish = wishOf(task);
    const worker = this.#workers.get(uid);
    if (worker) worker.assign(wish, { compare });
    else this.#begin(new Worker(this.#context, { task }, wish));
    // Its formation's imports may be others, which is none of its worker's business.
    this.#options.onStep(uid);
    return uid;
  }

  /** A container that no worker knows: from before the agent began, or nobody's. */
  #take(container: Container): void {
    const worker = new Worker(this.#context, { container }, { kind: 'keep' });
    if (this.#assigned) this.#stray(worker);
    this.#begin(worker);
  }

  #stray(worker: Worker): void {
    if (worker.wish.kind === 'gone') return;
    const { context, times } = this.#options;
    context.log.warn('a container belongs to no instance of the assignment', { ...worker.identity });
    worker.assign({ kind: 'gone', notBeforeMs: context.clock.monotonic() + times.strayGraceMs });
  }

  /** Invariant 2. Names keep this from happening, unless somebody renames a container. */
  #removeDouble(container: Container): void {
    const { driver, log } = this.#options.context;
    log.error('an instance has a second container: it is removed', { id: container.id });
    const removal = driver
      .remove(container.id)
      .catch((error: unknown) =>
        log.warn('a second container could not be removed', { error: messageOf(error) }),
      );
    this.#keepTrack(removal);
  }

  #begin(worker: Worker): void {
    if (this.#ended) return;
    this.#workers.set(worker.uid, worker);
    this.#keepTrack(worker.run());
  }

  #keepTrack(work: Promise<void>): void {
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  #onStep(uid: string): void {
    this.#options.onStep(uid);
    const worker = this.#workers.get(uid);
    // One that is to be reported as stopped stays until the control plane has taken note.
    if (worker?.finished && !('task' in worker.wish)) {
      this.#workers.delete(uid);
      worker.dispose();
    }
    if (!this.#open) this.#openWhenClear();
  }

  #openWhenClear(): void {
    if (this.#open || !this.#assigned || !this.#listed) return;
    for (const worker of this.#workers.values()) if (worker.unwanted) return;
    this.#open = true;
    this.#options.onOpen();
    this.wake();
  }
}

/** Nothing has become of it that no event tells of: somebody may have restarted it, or put it on the network anew. */
function isSameRun(before: Container, after: Container): boolean {
  if (before.state !== after.state) return false;
  const same = (fact: 'startedMs' | 'address' | 'link') => before[fact] === after[fact];
  return after.state !== 'running' || (same('startedMs') && same('address') && same('link'));
}
