import { InstanceState } from '../gen/gilliam/v1/instance';
import type { Action } from './decide';
import { decide } from './decide';
import type { Container } from './driver';
import type { Identity } from './labels';
import { identityOfContainer, identityOfTask } from './labels';
import { Situation } from './situation';
import { carryOut } from './steps/carry-out';
import { cope } from './steps/cope';
import type { Task } from './task';
import type { Attachment } from './terminal/attachment';
import { Waker } from './waker';
import type { Wish } from './wish';
import type { WorkerContext } from './worker-context';

/**
 * Keeps one instance as it is wished to be: looks at what there is, takes the one step that `decide` names, looks
 * again. One step at a time, so that nothing about an instance ever happens twice at once.
 */
export class Worker {
  readonly #context: WorkerContext;
  readonly #situation: Situation;
  readonly #waker = new Waker();
  readonly #over = new AbortController();

  /** For an instance that has no worker yet, or for a container that was found. */
  constructor(context: WorkerContext, of: { task: Task } | { container: Container }, wish: Wish) {
    const identity = 'task' in of ? identityOfTask(of.task) : identityOfContainer(of.container);
    const found = 'container' in of || of.task.instance.status.containerId !== '';
    this.#context = context;
    const onChange = () => this.#waker.wake();
    this.#situation = new Situation(context, identity, wish, { found, onChange });
    if ('task' in of) this.#begin(of.task, wish);
    else this.#situation.see(of.container);
  }

  get uid(): string {
    return this.#situation.uid;
  }

  get identity(): Identity {
    return this.#situation.keeper.identity;
  }

  get wish(): Wish {
    return this.#situation.wish;
  }

  get container(): Container | undefined {
    return this.#situation.container;
  }

  /** It could not be started, for good. */
  get failed(): boolean {
    return this.#situation.failed;
  }

  /** Nothing is left of it here, as was wished. */
  get finished(): boolean {
    return this.#situation.finished;
  }

  /** It runs, or may run, although it must not. */
  get unwanted(): boolean {
    const { wish, finished, stale, container } = this.#situation;
    if (finished || wish.kind === 'run' || wish.kind === 'keep') return false;
    return stale || container?.state === 'running';
  }

  /** The newest wish stands. `compare`: tell the control plane again what it does not seem to know. */
  assign(wish: Wish, options: { readonly compare?: boolean } = {}): void {
    const situation = this.#situation;
    const { keeper, wish: before } = situation;
    situation.wish = wish;
    keeper.reporting = 'task' in wish;
    if ('task' in wish) {
      const { status } = wish.task.instance;
      keeper.identity = identityOfTask(wish.task);
      keeper.adopt(status);
      situation.failed ||= status.state === InstanceState.FAILED;
      if (options.compare) keeper.compare(status);
    }
    if (before.kind !== wish.kind) {
      situation.finished = false;
      if (wish.kind === 'run' || wish.kind === 'keep') situation.drained = false;
      // What was seen without the task is seen again with it.
      if (before.kind === 'keep') situation.attendant.end();
      situation.setbacks.forgetStart();
      situation.step.abort(new Error('something else is wished now'));
    }
    this.#waker.wake();
  }

  /** Its container runs, and nothing has been heard of its end. */
  get present(): boolean {
    return this.#situation.present;
  }

  /** Its container has ended, with this where it is known: look at it. What is said of its address stops at once. */
  ended(exitCode?: number): void {
    if (exitCode !== undefined) this.#situation.once?.exited(exitCode);
    this.#situation.ends.heard++;
    this.poke();
  }

  /** Its container may have changed: look at it. */
  poke(): void {
    this.#situation.poked = true;
    // One that has exited has nothing to be drained of.
    if (this.#situation.draining) this.#situation.step.abort(new Error('its container may have changed'));
    this.#waker.wake();
  }

  /** Somebody wants to be attached to its command: false when it has none that one could be attached to. */
  attach(attachment: Attachment): boolean {
    const { once, failed, finished } = this.#situation;
    return once !== undefined && !failed && !finished && once.take(attachment);
  }

  /** Something else that it waits for may have come: the engine's return, leave to create. */
  wake(): void {
    this.#situation.setbacks.forgetEngine();
    this.#waker.wake();
  }

  /** Ends the worker; its container is left as it is. */
  dispose(): void {
    this.#over.abort(new Error('the worker has ended'));
    this.#situation.attendant.end();
  }

  /** Works until disposed. */
  async run(): Promise<void> {
    const { signal } = this.#over;
    const { clock } = this.#context;
    while (!signal.aborted) {
      this.#attend();
      this.#situation.expose();
      const action = decide(this.#situation.facts());
      if (action.kind === 'wait') await this.#wait(action, signal);
      else if (action.kind === 'finish' && this.finished) await this.#waker.wait(clock, undefined, signal);
      else await this.#take(action, signal);
    }
  }

  #begin(task: Task, wish: Wish): void {
    const situation = this.#situation;
    const { status } = task.instance;
    situation.keeper.reporting = 'task' in wish;
    situation.keeper.adopt(status);
    situation.failed = status.state === InstanceState.FAILED;
    // One that has had a container is looked for; a new one has none, and no time is lost on asking.
    const known = status.containerId !== '' || (situation.once && status.state !== InstanceState.ASSIGNED);
    situation.unsure = !this.#context.listed() || known === true || wish.kind !== 'run';
  }

  #attend(): void {
    const situation = this.#situation;
    const { wish, attendant, container } = situation;
    if (wish.kind !== 'run' && wish.kind !== 'keep') return attendant.end();
    // Until it has been looked at, what accompanies it goes on.
    if (situation.stale) return;
    const serving = container?.state === 'running' ? situation.serving(container) : undefined;
    if (container && serving) attendant.attend(container, serving, { known: wish.kind === 'run' });
    else attendant.end();
  }

  async #wait(action: Action & { kind: 'wait' }, signal: AbortSignal): Promise<void> {
    if (action.for === 'network') {
      const message = 'the network daemon of its executor does not answer yet';
      this.#situation.keeper.set({ reason: 'NetworkUnavailable', message });
    }
    await this.#waker.wait(this.#context.clock, action.delayMs, signal);
  }

  async #take(action: Exclude<Action, { kind: 'wait' }>, signal: AbortSignal): Promise<void> {
    const situation = this.#situation;
    situation.step = new AbortController();
    try {
      await carryOut(action, situation, signal);
      situation.setbacks.stepped();
    } catch (error) {
      if (signal.aborted) return;
      if (situation.step.signal.aborted) situation.unsure = true;
      else cope(situation, error);
    }
    this.#context.onStep(this.uid);
  }
}
