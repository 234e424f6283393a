import { backoffMs } from '../base/backoff';
import type { Clock } from '../base/clock';
import { deadline } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import { InstanceState } from '../gen/gilliam/v1/instance';
import type { InstanceStatus } from '../gen/gilliam/v1/instance';
import { containerName, containerSpec, isPullable } from './container-spec';
import type { Action } from './decide';
import { decide } from './decide';
import type { Container, Driver, Owner } from './driver';
import {
  BadCommand,
  ContainerGone,
  EngineUnavailable,
  ImageMissing,
  PortTaken,
  PullFailed,
  SpecRefused,
} from './driver-errors';
import { HealthChecker } from './health/checker';
import { monitorHealth } from './health/monitor';
import type { CheckResult, Host } from './host';
import type { ImagePuller } from './image-puller';
import type { Identity } from './labels';
import { identityOfContainer, identityOfTask } from './labels';
import { lastLine } from './last-line';
import type { Limiter } from './limiter';
import type { PortAllocator } from './port-allocator';
import type { Reporter } from './reporter';
import { formatDelay, judgeExit, provenAfterMs, restartBackoff } from './restart-policy';
import type { StatusPatch } from './status';
import { emptyStatus, patchStatus, publishedPorts, sameStatus } from './status';
import type { Task } from './task';
import { Waker } from './waker';
import type { Wish } from './wish';

/** What all workers of an executor share. */
export interface WorkerContext {
  readonly driver: Driver;
  readonly host: Host;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly owner: Owner;
  readonly ports: PortAllocator;
  readonly puller: ImagePuller;
  /** Bounds how many containers are made or started at once. */
  readonly starts: Limiter;
  readonly reporter: Reporter;
  /** The address that is reported for published ports. */
  readonly address: string;
  readonly bindAddress: string;
  /** Whether new containers may be made. */
  mayCreate(): boolean;
  /** Whether all containers have been listed: an instance that has no worker then has no container. */
  listed(): boolean;
  /** Called after each step: something may be different. */
  onStep(worker: Worker): void;
}

const engineBackoff = { startMs: 250, capMs: 5_000, jitter: 0.2 } as const;
const pullBackoff = { startMs: 1_000, capMs: 60_000, jitter: 0.2 } as const;
/** Starts that the engine fails at for its own reasons, in a row, before the instance is given up here. */
const maxFaults = 5;
/** So many other ports are tried without a pause. */
const atOnce = 3;
/** Until then, what a new container's failing checks say is no news. */
const quietMs = 2_000;

/** One run of a container: from a start to its exit. */
interface Run {
  readonly id: string;
  readonly startedMs: number | undefined;
  readonly beganMs: number;
  readonly monitor?: Disposable;
}

/**
 * Keeps one instance as it is wished to be: looks at what there is, takes the one step that `decide` names, looks
 * again. One step at a time, so that nothing about an instance ever happens twice at once. What it remembers only
 * saves it from asking; a worker that begins anew with the container's labels does the same.
 */
export class Worker {
  readonly #context: WorkerContext;
  readonly #log: Logger;
  readonly #waker = new Waker();
  readonly #checker: HealthChecker;
  readonly #ended = new AbortController();
  #step = new AbortController();
  #identity: Identity;
  #wish: Wish;
  #container: Container | undefined;
  /** What is known of the container may be out of date. */
  #stale: boolean;
  #status: InstanceStatus = emptyStatus;
  #run: Run | undefined;
  /** The control plane has named it. */
  #named = false;
  #finished = false;
  #failed = false;
  #pull = false;
  #pulled = false;
  #discard = false;
  #judged = false;
  /** The next start counts as a restart although its container is a new one. */
  #replacing = false;
  #proven = false;
  #readySinceMs: number | undefined;
  /** Exits, engine troubles, failed pulls and faults in a row. */
  #exits = 0;
  #troubles = 0;
  #pullFailures = 0;
  #faults = 0;
  #startNotBeforeMs = 0;
  #engineNotBeforeMs = 0;

  /** For an instance of which nothing is known here yet, or for a container that was found. */
  constructor(context: WorkerContext, of: { task: Task } | { container: Container }, wish: Wish) {
    this.#context = context;
    this.#wish = wish;
    this.#checker = new HealthChecker(context.driver, context.host, context.clock);
    this.#identity = 'task' in of ? identityOfTask(of.task) : identityOfContainer(of.container);
    // One that has had a container before is looked for: where it is, or that it vanished.
    this.#stale =
      'task' in of &&
      (!context.listed() || of.task.instance.status.containerId !== '' || wish.kind !== 'run');
    this.#log = context.log.child({ instance: this.#identity.name, formation: this.#identity.formation });
    if ('task' in of) this.#adoptStatus(of.task);
    else this.#see(of.container);
  }

  get uid(): string {
    return this.#identity.uid;
  }

  get identity(): Identity {
    return this.#identity;
  }

  get status(): InstanceStatus {
    return this.#status;
  }

  get wish(): Wish {
    return this.#wish;
  }

  get container(): Container | undefined {
    return this.#container;
  }

  /** Nothing is left of it here, as was wished. */
  get finished(): boolean {
    return this.#finished;
  }

  /** It runs, or may run, although it must not. */
  get unwanted(): boolean {
    const { kind } = this.#wish;
    if (this.#finished || kind === 'run' || kind === 'keep') return false;
    return this.#stale || this.#container?.state === 'running';
  }

  /** The newest wish stands. `compare`: tell the control plane again what it does not seem to know. */
  assign(wish: Wish, options: { readonly compare?: boolean } = {}): void {
    const before = this.#wish;
    this.#wish = wish;
    if ('task' in wish) {
      if (!this.#named) this.#adoptStatus(wish.task);
      this.#identity = identityOfTask(wish.task);
      if (options.compare && !sameStatus(wish.task.instance.status, this.#status)) this.#report();
    }
    if (before.kind !== wish.kind) {
      this.#finished = false;
      this.#startNotBeforeMs = 0;
      this.#step.abort(new Error('something else is wished now'));
    }
    this.#waker.wake();
  }

  /** Its container may have changed: look at it. */
  poke(): void {
    this.#stale = true;
    this.#waker.wake();
  }

  /** Something else that it waits for may have come: the engine's return, leave to create. */
  wake(): void {
    this.#engineNotBeforeMs = 0;
    this.#waker.wake();
  }

  /** Ends the worker; its container is left as it is. */
  dispose(): void {
    this.#ended.abort(new Error('the worker has ended'));
    this.#run?.monitor?.dispose();
  }

  /** Works until disposed. */
  async run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      this.#attend();
      const action = decide(this.#facts());
      if (action.kind === 'wait' || (action.kind === 'finish' && this.#finished)) {
        await this.#waker.wait(this.#context.clock, 'delayMs' in action ? action.delayMs : undefined, signal);
        continue;
      }
      this.#step = new AbortController();
      try {
        await this.#take(action, signal);
        this.#troubles = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (this.#step.signal.aborted) this.#stale = true;
        else this.#cope(error);
      }
      this.#context.onStep(this);
    }
  }

  #facts(): Parameters<typeof decide>[0] {
    return {
      wish: this.#wish,
      container: this.#stale ? 'unknown' : this.#container,
      mayCreate: this.#context.mayCreate(),
      failed: this.#failed,
      pull: this.#pull,
      discard: this.#discard,
      judged: this.#judged,
      startNotBeforeMs: this.#startNotBeforeMs,
      engineNotBeforeMs: this.#engineNotBeforeMs,
      nowMs: this.#now(),
    };
  }

  #take(action: Exclude<Action, { kind: 'wait' }>, signal: AbortSignal): Promise<void> {
    switch (action.kind) {
      case 'look':
        return this.#look(signal);
      case 'pull':
        return this.#pullImage(signal);
      case 'create':
        return this.#create(signal);
      case 'start':
        return this.#start(action.container, signal);
      case 'judge':
        return this.#judge(action.container, signal);
      case 'stop':
        return this.#stop(action.container, signal);
      case 'remove':
        return this.#remove(action.container, signal);
      case 'finish':
        return this.#finish();
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    // What happens during the look makes it stale again.
    this.#stale = false;
    const name = this.#container?.id ?? this.#nameToLookFor();
    const found = await this.#context.driver.inspect(name, signal).catch((error: unknown) => {
      this.#stale = true;
      throw error;
    });
    if (this.#status.reason === 'EngineUnavailable') this.#set({ reason: '', message: '' });
    if (found) this.#see(found);
    else {
      this.#container = undefined;
      if (this.#wish.kind === 'run' && this.#status.containerId) this.#vanished();
    }
  }

  #nameToLookFor(): string {
    const wish = this.#wish;
    return 'task' in wish ? containerName(wish.task) : this.#status.containerId || this.#identity.uid;
  }

  #see(container: Container): void {
    this.#stale = false;
    this.#container = container;
    if (container.state !== 'exited') this.#judged = false;
    if (!this.#failed)
      this.#context.ports.adopt(
        this.uid,
        container.ports.map((port) => port.hostPort),
      );
  }

  /** Begins or ends what accompanies a running container. */
  #attend(): void {
    const wish = this.#wish;
    // Until it has been looked at, what accompanies it goes on.
    if (this.#stale && wish.kind === 'run') return;
    const container = this.#container;
    const running = wish.kind === 'run' && container?.state === 'running';
    const same =
      running &&
      this.#run?.id === container.id &&
      (this.#run.startedMs ?? container.startedMs) === (container.startedMs ?? this.#run.startedMs);
    if (this.#run && !same) {
      this.#run.monitor?.dispose();
      this.#run = undefined;
    }
    if (running && !this.#run) this.#beginRun(container, wish.task);
  }

  #beginRun(container: Container, task: Task): void {
    const before = this.#status;
    // Adopted: what was ready before the agent was restarted is taken to be so until its check says otherwise.
    const ready =
      before.state === InstanceState.RUNNING && before.ready && before.containerId === container.id;
    const begun = { id: container.id, startedMs: container.startedMs, beganMs: this.#now() };
    this.#set({
      containerId: container.id,
      host: this.#context.address,
      ports: publishedPorts(task.process, container.ports),
    });
    const { health } = task.process;
    if (!health?.check) {
      this.#run = begun;
      this.#becomeReady();
      return;
    }
    if (ready) {
      this.#proven = true;
      this.#readySinceMs = this.#now();
    } else if (this.#status.reason !== 'Restarting') {
      this.#set({ ready: false, message: 'waiting for its health check' });
    }
    const target = {
      container,
      firstPort: task.process.ports[0]?.containerPort,
      bindAddress: this.#context.bindAddress,
    };
    const onResult = (isReady: boolean, result: CheckResult): void => this.#checked(isReady, result);
    const { clock } = this.#context;
    this.#run = begun;
    this.#run = {
      ...begun,
      monitor: monitorHealth({ health, target, checker: this.#checker, clock, ready, onResult }),
    };
  }

  #becomeReady(): void {
    this.#readySinceMs ??= this.#now();
    this.#set({ state: InstanceState.RUNNING, ready: true, reason: '', message: '' });
  }

  #checked(ready: boolean, result: CheckResult): void {
    if (ready) return this.#becomeReady();
    const wasReady = this.#status.ready;
    if (wasReady) {
      this.#noteReadiness();
      this.#event('Unhealthy', result.detail, true);
    }
    if (wasReady || this.#now() - (this.#run?.beganMs ?? 0) >= quietMs) {
      this.#set({ ready: false, reason: 'Unhealthy', message: result.detail });
    }
  }

  async #pullImage(signal: AbortSignal): Promise<void> {
    const { image } = this.#task();
    this.#set({ state: InstanceState.PULLING, reason: '', message: `pulling ${image}` });
    await this.#context.puller.pull(image, AbortSignal.any([signal, this.#step.signal]));
    this.#pull = false;
    this.#pulled = true;
    this.#pullFailures = 0;
  }

  async #create(signal: AbortSignal): Promise<void> {
    const { driver, owner, ports, bindAddress, address, starts } = this.#context;
    const task = this.#task();
    // Only the engine knows whether it has the image; a state never goes back.
    const fetching = isPullable(task.image) && !this.#pulled;
    this.#set({ state: fetching ? InstanceState.PULLING : InstanceState.STARTING, reason: '', message: '' });
    await starts.run(async () => {
      if (this.#step.signal.aborted || signal.aborted) return;
      const containerPorts = task.process.ports.map((port) => port.containerPort);
      const hostPorts = await ports.allocate(this.uid, containerPorts.length);
      const bindings = containerPorts.map((containerPort, index) => ({
        containerPort,
        hostPort: hostPorts[index] as number,
      }));
      const spec = containerSpec(task, owner, bindings, bindAddress);
      // Should this fail although it has created, the look finds the container by its name.
      this.#stale = true;
      const { id, existed } = await driver.create(spec, signal);
      if (existed) return;
      this.#see({ id, name: spec.name, labels: spec.labels, state: 'created', ports: bindings });
      this.#set({
        state: InstanceState.STARTING,
        containerId: id,
        host: address,
        ports: publishedPorts(task.process, bindings),
      });
    });
  }

  async #start(container: Container, signal: AbortSignal): Promise<void> {
    const { driver, starts } = this.#context;
    const again = container.state === 'exited' || this.#replacing;
    const begun = await starts.run(
      async () => {
        // It may have waited for its turn, and something else be wished now.
        if (this.#step.signal.aborted || signal.aborted) return false;
        await driver.start(container.id, signal);
        return true;
      },
      { urgent: true },
    );
    if (!begun) return;
    this.#faults = 0;
    this.#judged = false;
    this.#replacing = false;
    this.#readySinceMs = undefined;
    if (again) {
      this.#set({ restarts: this.#status.restarts + 1, message: 'started again' });
      this.#event('Restarted', `restart ${this.#status.restarts}`);
    }
    // An exit that was seen during the start leaves it stale. A health check needs the address, so it looks anyway.
    const known = !this.#stale && !(this.#wish.kind === 'run' && this.#wish.task.process.health?.check);
    this.#container = { ...container, state: 'running', startedMs: undefined, finishedMs: undefined };
    this.#stale = !known;
  }

  async #judge(container: Container, signal: AbortSignal): Promise<void> {
    this.#noteReadiness();
    const exitCode = container.exitCode ?? 0;
    const verdict = judgeExit({
      exitCode,
      upMs: (container.finishedMs ?? 0) - (container.startedMs ?? 0),
      proven: this.#proven,
      previous: this.#exits,
    });
    const how = container.outOfMemory ? 'out of memory' : `exit ${exitCode}`;
    this.#judged = true;
    if (verdict.kind === 'restart') {
      this.#exits = verdict.row;
      this.#restartIn(verdict.delayMs, how, { exitCode });
    }
    const said = await this.#lastLine(container, signal);
    const told = said ? `${how}: ${said}` : how;
    if (verdict.kind === 'bad-command') this.#fail('BadCommand', told, { exitCode });
    else this.#event('Exited', told, true);
  }

  /** The container of an instance that is to run is gone, and not by us. */
  #vanished(): void {
    this.#noteReadiness();
    this.#replacing = true;
    const delayMs = backoffMs(restartBackoff, this.#exits++);
    this.#restartIn(delayMs, 'its container was removed', { containerId: '' });
    this.#event('Vanished', 'its container was removed by somebody else', true);
  }

  #restartIn(delayMs: number, why: string, patch: StatusPatch): void {
    this.#startNotBeforeMs = this.#now() + delayMs;
    const next = this.#status.restarts + 1;
    this.#set({
      ...patch,
      ready: false,
      reason: 'Restarting',
      message: `${why}, restart ${next} in ${formatDelay(delayMs)}`,
    });
  }

  async #stop(container: Container, signal: AbortSignal): Promise<void> {
    if (this.#wish.kind === 'stop') {
      this.#set({ state: InstanceState.STOPPING, ready: false, reason: '', message: '' });
    }
    // Whoever sends it traffic is to be told, and to have confirmed, before this line: invariant 7.
    await this.#context.driver.stop(container.id, this.#identity.graceMs, signal);
    this.#stale = true;
  }

  async #remove(container: Container, signal: AbortSignal): Promise<void> {
    await this.#context.driver.remove(container.id, signal);
    this.#container = undefined;
    this.#discard = false;
    this.#set({ containerId: '', ...(container.state === 'exited' ? { exitCode: container.exitCode } : {}) });
  }

  async #finish(): Promise<void> {
    this.#finished = true;
    this.#context.ports.release(this.uid);
    if (this.#wish.kind === 'stop') {
      this.#set({ state: InstanceState.STOPPED, ready: false, reason: '', message: '' });
    }
  }

  /** Decides what a failed step leads to. */
  #cope(error: unknown): void {
    const message = messageOf(error);
    if (error instanceof ContainerGone) {
      this.#stale = true;
    } else if (error instanceof ImageMissing && !this.#pulled && !this.#pull && isPullable(this.#image())) {
      this.#pull = true;
      this.#stale = false;
    } else if (error instanceof ImageMissing || error instanceof BadCommand || error instanceof SpecRefused) {
      this.#fail(error.reason, message);
    } else if (error instanceof PullFailed) {
      const delayMs = this.#backOff(pullBackoff, this.#pullFailures++);
      this.#startNotBeforeMs = this.#now() + delayMs;
      this.#event('PullFailed', message, true);
      this.#set({ reason: error.reason, message: `${message}; retrying in ${formatDelay(delayMs)}` });
    } else if (error instanceof PortTaken) {
      this.#portTaken(error);
    } else if (error instanceof EngineUnavailable) {
      this.#stale = true;
      this.#engineNotBeforeMs = this.#now() + this.#backOff(engineBackoff, this.#troubles++);
      if (!this.#status.ready) this.#set({ reason: error.reason, message });
    } else {
      this.#fault(error);
    }
  }

  #portTaken(error: PortTaken): void {
    const { ports } = this.#context;
    const taken = error.port === undefined ? ports.heldBy(this.uid) : [error.port];
    for (const port of taken) ports.avoid(this.uid, port);
    this.#discard = this.#container !== undefined;
    this.#replacing ||= this.#container?.state === 'exited';
    const tries = this.#faults++;
    this.#startNotBeforeMs = tries < atOnce ? 0 : this.#now() + this.#backOff(restartBackoff, tries - atOnce);
    this.#event('PortTaken', error.message, true);
    this.#set({ ready: false, reason: error.reason, message: `${error.message}; trying another` });
  }

  /** The engine's own failures, and ours. */
  #fault(error: unknown): void {
    const message = messageOf(error);
    this.#log.warn('a step of an instance failed', { error: message, wish: this.#wish.kind });
    this.#stale = true;
    const delayMs = this.#backOff(pullBackoff, this.#faults++);
    this.#engineNotBeforeMs = this.#now() + delayMs;
    if (this.#wish.kind !== 'run') return;
    if (this.#faults >= maxFaults) return this.#fail('StartFailed', message);
    this.#set({
      ready: false,
      reason: 'StartFailed',
      message: `${message}; retrying in ${formatDelay(delayMs)}`,
    });
  }

  #fail(reason: string, message: string, patch: StatusPatch = {}): void {
    this.#failed = true;
    this.#stale = false;
    this.#context.ports.release(this.uid);
    this.#set({ ...patch, state: InstanceState.FAILED, ready: false, reason, message });
    this.#event('Failed', `${reason}: ${message}`, true);
  }

  /** Remembers whether it has been ready long enough for its command to be beyond doubt. */
  #noteReadiness(): void {
    if (this.#readySinceMs !== undefined && this.#now() - this.#readySinceMs >= provenAfterMs) {
      this.#proven = true;
    }
    this.#readySinceMs = undefined;
  }

  async #lastLine(container: Container, signal: AbortSignal): Promise<string | undefined> {
    const limit = deadline(this.#context.clock, 1000, signal);
    try {
      return await lastLine(this.#context.driver, container.id, limit.signal);
    } finally {
      limit.dispose();
    }
  }

  /** Begins with what the control plane knows; to that comes what happened before it was heard. */
  #adoptStatus(task: Task): void {
    const known = task.instance.status;
    const { restarts, exitCode, reason, message } = this.#status;
    this.#named = true;
    this.#status = known;
    this.#proven ||= known.state === InstanceState.RUNNING && known.ready;
    this.#failed ||= known.state === InstanceState.FAILED;
    if (restarts > 0 || reason) {
      const ready = known.ready && !reason;
      this.#set({
        restarts: known.restarts + restarts,
        exitCode: exitCode ?? known.exitCode,
        ready,
        reason,
        message,
      });
    }
  }

  #set(patch: StatusPatch): void {
    const next = patchStatus(this.#status, patch, this.#context.clock.now());
    if (next === this.#status) return;
    this.#status = next;
    this.#report();
  }

  /** Of an instance that nobody has named there is nothing to report. */
  #report(): void {
    if ('task' in this.#wish) this.#context.reporter.status(this.#identity, this.#status);
  }

  #event(reason: string, message: string, warning = false): void {
    const { uid, formation, name } = this.#identity;
    const time = new Date(this.#context.clock.now());
    this.#context.reporter.event({ formation, name, uid, reason, message, warning, time });
  }

  #task(): Task {
    if (!('task' in this.#wish)) throw new Error('a step that needs a task was taken without one');
    return this.#wish.task;
  }

  #image(): string {
    return 'task' in this.#wish ? this.#wish.task.image : '';
  }

  #backOff(options: { startMs: number; capMs: number }, attempt: number): number {
    return backoffMs(options, attempt, this.#context.random);
  }

  #now(): number {
    return this.#context.clock.monotonic();
  }
}
