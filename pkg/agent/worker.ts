import { deadline } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import { InstanceState } from '../gen/gilliam/v1/instance';
import { containerName, containerSpec, isPullable } from './container-spec';
import type { Action, Facts } from './decide';
import { decide } from './decide';
import type { Container, PortBinding } from './driver';
import {
  BadCommand,
  ContainerGone,
  EngineUnavailable,
  ImageMissing,
  PortTaken,
  PullFailed,
  SpecRefused,
} from './driver-errors';
import type { Identity } from './labels';
import { identityOfContainer, identityOfTask } from './labels';
import { lastLine } from './last-line';
import { formatDelay, judgeExit } from './restart-policy';
import { RunAttendant } from './run-attendant';
import { Setbacks } from './setbacks';
import type { StatusPatch } from './status';
import { publishedPorts } from './status';
import { StatusKeeper } from './status-keeper';
import type { Task } from './task';
import { Waker } from './waker';
import type { Wish } from './wish';
import type { WorkerContext } from './worker-context';

const lastLineLimitMs = 1_000;

/**
 * Keeps one instance as it is wished to be: looks at what there is, takes the one step that `decide` names, looks
 * again. One step at a time, so that nothing about an instance ever happens twice at once. What it remembers only
 * saves it from asking; a worker that begins anew with the container's labels does the same.
 */
export class Worker {
  readonly #context: WorkerContext;
  readonly #log: Logger;
  readonly #keeper: StatusKeeper;
  readonly #attendant: RunAttendant;
  readonly #setbacks: Setbacks;
  readonly #waker = new Waker();
  readonly #ended = new AbortController();
  /** Aborted when something else is wished while a step is under way. */
  #step = new AbortController();
  #wish: Wish;
  /** As last seen. */
  #container: Container | undefined;
  /** Something has happened to the container since it was last seen. */
  #poked = false;
  /** A step did not tell what it has come to. */
  #unsure: boolean;
  #finished = false;
  #failed: boolean;
  #pull = false;
  #pulled = false;
  #discard = false;
  #judged = false;
  /** The next start counts as a restart although its container is a new one. */
  #replacing = false;

  /** For an instance that has no worker yet, or for a container that was found. */
  constructor(context: WorkerContext, of: { task: Task } | { container: Container }, wish: Wish) {
    const identity = 'task' in of ? identityOfTask(of.task) : identityOfContainer(of.container);
    this.#context = context;
    this.#wish = wish;
    this.#log = context.log.child({ instance: identity.name, formation: identity.formation });
    this.#keeper = new StatusKeeper(context, identity);
    this.#attendant = new RunAttendant(context, this.#keeper);
    this.#setbacks = new Setbacks(context.clock, context.random);
    if ('task' in of) {
      const { status } = of.task.instance;
      this.#keeper.reporting = 'task' in wish;
      this.#keeper.adopt(status);
      this.#failed = status.state === InstanceState.FAILED;
      // One that has had a container is looked for; a new one has none, and no time is lost on asking.
      this.#unsure = !context.listed() || status.containerId !== '' || wish.kind !== 'run';
    } else {
      this.#failed = false;
      this.#unsure = false;
      this.#see(of.container);
    }
  }

  get uid(): string {
    return this.#keeper.identity.uid;
  }

  get identity(): Identity {
    return this.#keeper.identity;
  }

  get wish(): Wish {
    return this.#wish;
  }

  get container(): Container | undefined {
    return this.#container;
  }

  /** It could not be started, for good. */
  get failed(): boolean {
    return this.#failed;
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
    this.#keeper.reporting = 'task' in wish;
    if ('task' in wish) {
      const { status } = wish.task.instance;
      this.#keeper.identity = identityOfTask(wish.task);
      this.#keeper.adopt(status);
      this.#failed ||= status.state === InstanceState.FAILED;
      if (options.compare) this.#keeper.compare(status);
    }
    if (before.kind !== wish.kind) {
      this.#finished = false;
      this.#setbacks.forgetStart();
      this.#step.abort(new Error('something else is wished now'));
    }
    this.#waker.wake();
  }

  /** Its container may have changed: look at it. */
  poke(): void {
    this.#poked = true;
    this.#waker.wake();
  }

  /** Something else that it waits for may have come: the engine's return, leave to create. */
  wake(): void {
    this.#setbacks.forgetEngine();
    this.#waker.wake();
  }

  /** Ends the worker; its container is left as it is. */
  dispose(): void {
    this.#ended.abort(new Error('the worker has ended'));
    this.#attendant.end();
  }

  /** Works until disposed. */
  async run(): Promise<void> {
    const { signal } = this.#ended;
    const { clock } = this.#context;
    while (!signal.aborted) {
      this.#attend();
      const action = decide(this.#facts());
      if (action.kind === 'wait') await this.#waker.wait(clock, action.delayMs, signal);
      else if (action.kind === 'finish' && this.#finished) await this.#waker.wait(clock, undefined, signal);
      else await this.#take(action, signal);
    }
  }

  get #stale(): boolean {
    return this.#poked || this.#unsure;
  }

  #facts(): Facts {
    return {
      wish: this.#wish,
      container: this.#stale ? 'unknown' : this.#container,
      mayCreate: this.#context.mayCreate(),
      failed: this.#failed,
      pull: this.#pull,
      discard: this.#discard,
      judged: this.#judged,
      startNotBeforeMs: this.#setbacks.startNotBeforeMs,
      engineNotBeforeMs: this.#setbacks.engineNotBeforeMs,
      nowMs: this.#context.clock.monotonic(),
    };
  }

  #attend(): void {
    const wish = this.#wish;
    if (wish.kind !== 'run') return this.#attendant.end();
    // Until it has been looked at, what accompanies it goes on.
    if (this.#stale) return;
    if (this.#container?.state === 'running') this.#attendant.attend(this.#container, wish.task);
    else this.#attendant.end();
  }

  async #take(action: Exclude<Action, { kind: 'wait' }>, signal: AbortSignal): Promise<void> {
    this.#step = new AbortController();
    try {
      await this.#carryOut(action, signal);
      this.#setbacks.stepped();
    } catch (error) {
      if (signal.aborted) return;
      if (this.#step.signal.aborted) this.#unsure = true;
      else this.#cope(error);
    }
    this.#context.onStep(this.uid);
  }

  #carryOut(action: Exclude<Action, { kind: 'wait' }>, signal: AbortSignal): Promise<void> {
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
    // Before the question: what happens while it is answered makes it worth another.
    this.#poked = false;
    this.#unsure = true;
    const found = await this.#context.driver.inspect(this.#container?.id ?? this.#expectedName(), signal);
    this.#unsure = false;
    if (this.#keeper.status.reason === 'EngineUnavailable') this.#keeper.set({ reason: '', message: '' });
    if (found) return this.#see(found);
    this.#container = undefined;
    const wanted = this.#wish.kind === 'run' && !this.#failed;
    if (wanted && this.#keeper.status.containerId) this.#vanished();
  }

  #expectedName(): string {
    return 'task' in this.#wish
      ? containerName(this.#wish.task)
      : this.#keeper.status.containerId || this.uid;
  }

  #see(container: Container): void {
    this.#container = container;
    if (container.state !== 'exited') this.#judged = false;
    if (this.#failed) return;
    const hostPorts = container.ports.map((port) => port.hostPort);
    this.#context.ports.adopt(this.uid, hostPorts);
  }

  async #pullImage(signal: AbortSignal): Promise<void> {
    const { image } = this.#task();
    this.#keeper.set({ state: InstanceState.PULLING, reason: '', message: `pulling ${image}` });
    await this.#context.puller.pull(image, AbortSignal.any([signal, this.#step.signal]));
    this.#pull = false;
    this.#pulled = true;
    this.#setbacks.pulled();
  }

  async #create(signal: AbortSignal): Promise<void> {
    const { driver, owner, bindAddress, address, creates } = this.#context;
    const task = this.#task();
    // Only the engine knows whether it has the image; a state never goes back.
    const fetching = isPullable(task.image) && !this.#pulled;
    const state = fetching ? InstanceState.PULLING : InstanceState.STARTING;
    this.#keeper.set({ state, reason: '', message: '' });
    await creates.run(async () => {
      if (this.#step.signal.aborted || signal.aborted) return;
      const ports = await this.#allocatePorts(task);
      const spec = containerSpec(task, owner, ports, bindAddress);
      // Should this fail although it has created, the look finds the container by its name.
      this.#unsure = true;
      const { id, existed } = await driver.create(spec, signal);
      if (existed) return;
      this.#unsure = false;
      this.#see({ id, name: spec.name, labels: spec.labels, state: 'created', ports });
      this.#keeper.set({
        state: InstanceState.STARTING,
        containerId: id,
        host: address,
        ports: publishedPorts(task.process, ports),
      });
    });
  }

  async #allocatePorts(task: Task): Promise<PortBinding[]> {
    const containerPorts = task.process.ports.map((port) => port.containerPort);
    const hostPorts = await this.#context.ports.allocate(this.uid, containerPorts.length);
    return containerPorts.map((containerPort, index) => ({
      containerPort,
      hostPort: hostPorts[index] as number,
    }));
  }

  async #start(container: Container, signal: AbortSignal): Promise<void> {
    const { driver, starts } = this.#context;
    const again = container.state === 'exited' || this.#replacing;
    const begun = await starts.run(async () => {
      // It may have waited for its turn, and something else be wished now.
      if (this.#step.signal.aborted || signal.aborted) return false;
      await driver.start(container.id, signal);
      return true;
    });
    if (!begun) return;
    this.#setbacks.started();
    this.#judged = false;
    this.#replacing = false;
    if (again) {
      const restarts = this.#keeper.status.restarts + 1;
      this.#keeper.set({ restarts, message: 'started again' });
      this.#keeper.event('Restarted', `restart ${restarts}`);
    }
    this.#container = { ...container, state: 'running', startedMs: undefined, finishedMs: undefined };
    // A health check needs the container's address, which it has only now; without one no time is lost on looking.
    this.#unsure = this.#wish.kind === 'run' && this.#wish.task.process.health?.check !== undefined;
  }

  async #judge(container: Container, signal: AbortSignal): Promise<void> {
    const exitCode = container.exitCode ?? 0;
    const verdict = judgeExit({
      exitCode,
      upMs: (container.finishedMs ?? 0) - (container.startedMs ?? 0),
      proven: this.#attendant.proven,
      previous: this.#setbacks.exits,
    });
    const how = container.outOfMemory ? 'out of memory' : `exit ${exitCode}`;
    this.#judged = true;
    if (verdict.kind === 'restart') {
      this.#setbacks.exited(verdict.delayMs, verdict.row);
      this.#restartIn(verdict.delayMs, how, { exitCode });
    }
    // The back-off is running meanwhile.
    const said = await this.#lastLine(container, signal);
    const told = said ? `${how}: ${said}` : how;
    if (verdict.kind === 'bad-command') this.#fail('BadCommand', told, { exitCode });
    else this.#keeper.warn('Exited', told);
  }

  async #lastLine(container: Container, signal: AbortSignal): Promise<string | undefined> {
    const limit = deadline(this.#context.clock, lastLineLimitMs, signal);
    try {
      return await lastLine(this.#context.driver, container.id, limit.signal);
    } finally {
      limit.dispose();
    }
  }

  /** The container of an instance that is to run is gone, and not by us. */
  #vanished(): void {
    this.#replacing = true;
    const delayMs = this.#setbacks.vanished();
    this.#restartIn(delayMs, 'its container was removed', { containerId: '' });
    this.#keeper.warn('Vanished', 'its container was removed by somebody else');
  }

  #restartIn(delayMs: number, why: string, patch: StatusPatch): void {
    const message = `${why}, restart ${this.#keeper.status.restarts + 1} in ${formatDelay(delayMs)}`;
    this.#keeper.set({ ...patch, ready: false, reason: 'Restarting', message });
  }

  async #stop(container: Container, signal: AbortSignal): Promise<void> {
    if (this.#wish.kind === 'stop') {
      this.#keeper.set({ state: InstanceState.STOPPING, ready: false, reason: '', message: '' });
    }
    // Whoever sends it traffic is to be told, and to have confirmed, before this line: invariant 7.
    // The grace period is the label's: a task may come without its process when the release is gone already.
    await this.#context.driver.stop(container.id, identityOfContainer(container).graceMs, signal);
    this.#unsure = true;
  }

  async #remove(container: Container, signal: AbortSignal): Promise<void> {
    await this.#context.driver.remove(container.id, signal);
    this.#container = undefined;
    this.#discard = false;
    const exit = container.state === 'exited' ? { exitCode: container.exitCode } : {};
    this.#keeper.set({ containerId: '', ...exit });
  }

  async #finish(): Promise<void> {
    this.#finished = true;
    this.#context.ports.release(this.uid);
    if (this.#wish.kind === 'stop') {
      this.#keeper.set({ state: InstanceState.STOPPED, ready: false, reason: '', message: '' });
    }
  }

  /** What a failed step leads to: the error's class says. */
  #cope(error: unknown): void {
    if (error instanceof ContainerGone) this.#unsure = true;
    else if (error instanceof ImageMissing && this.#mayPull()) {
      this.#pull = true;
      this.#unsure = false;
    } else if (error instanceof ImageMissing || error instanceof BadCommand || error instanceof SpecRefused) {
      this.#fail(error.reason, error.message);
    } else if (error instanceof PullFailed) this.#pullFailed(error);
    else if (error instanceof PortTaken) this.#portTaken(error);
    else if (error instanceof EngineUnavailable) this.#engineSilent(error);
    else this.#fault(error);
  }

  /** Once: an image that is not there after a pull will not be there after another. */
  #mayPull(): boolean {
    return !this.#pulled && !this.#pull && isPullable(this.#task().image);
  }

  #pullFailed({ reason, message }: PullFailed): void {
    const delayMs = this.#setbacks.pullFailed();
    this.#keeper.warn(reason, message);
    this.#keeper.set({ reason, message: `${message}; retrying in ${formatDelay(delayMs)}` });
  }

  #portTaken({ reason, message, port }: PortTaken): void {
    const { ports } = this.#context;
    for (const taken of port === undefined ? ports.heldBy(this.uid) : [port]) ports.avoid(this.uid, taken);
    this.#setbacks.portTaken();
    // Ports are fixed when a container is made: another port needs another container.
    this.#discard = this.#container !== undefined;
    this.#replacing ||= this.#container?.state === 'exited';
    this.#keeper.warn(reason, message);
    this.#keeper.set({ ready: false, reason, message: `${message}; trying another` });
  }

  #engineSilent({ reason, message }: EngineUnavailable): void {
    this.#unsure = true;
    this.#setbacks.engineSilent();
    // What is ready is so without the engine, too.
    if (!this.#keeper.status.ready) this.#keeper.set({ reason, message });
  }

  /** The engine's own failures, and ours. */
  #fault(error: unknown): void {
    const message = messageOf(error);
    this.#log.warn('a step of an instance failed', { error: message, wish: this.#wish.kind });
    this.#unsure = true;
    const delayMs = this.#setbacks.faulted();
    if (this.#wish.kind !== 'run') return;
    if (delayMs === undefined) return this.#fail('StartFailed', message);
    const told = `${message}; retrying in ${formatDelay(delayMs)}`;
    this.#keeper.set({ ready: false, reason: 'StartFailed', message: told });
  }

  #fail(reason: string, message: string, patch: StatusPatch = {}): void {
    this.#failed = true;
    this.#unsure = false;
    this.#context.ports.release(this.uid);
    this.#keeper.set({ ...patch, state: InstanceState.FAILED, ready: false, reason, message });
    this.#keeper.warn('Failed', `${reason}: ${message}`);
  }

  #task(): Task {
    if (!('task' in this.#wish)) throw new Error('a step that needs a task was taken without one');
    return this.#wish.task;
  }
}
