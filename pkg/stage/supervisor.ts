import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Component } from './components';
import type { ExitRecord, ProcessRecord } from './process-record';
import type { ComponentState } from './restart-plan';
import { exited, neverStarted, planRestarts, started } from './restart-plan';

/** The machine's processes, as far as the supervisor needs them. */
export interface Processes {
  /** The component's living process, whoever started it. */
  find(component: string): ProcessRecord | undefined;
  /** Starts it in a session of its own, so that it outlives the supervisor. Throws when it cannot be run at all. */
  start(component: Component, restarts: number): ProcessRecord;
  /** Calls back when a process ends that `start` has returned. */
  onExit(callback: (component: string, exit: ExitRecord) => void): Disposable;
  /** Notes the end of the component's process for those who ask for its status. */
  noteExit(component: string, exit: ExitRecord): void;
  rotateLogs(components: readonly string[]): void;
}

/** How often adopted processes are looked at. */
const adoptedPollMs = 200;
/** How often logs are looked at. */
const rotationMs = 10_000;

/**
 * Keeps the stage's processes running, and does nothing else: it ends without ending them. A supervisor that comes
 * after adopts what runs, so that its own death costs nothing.
 */
export class Supervisor {
  readonly #states = new Map<string, ComponentState>();
  readonly #restarts = new Map<string, number>();
  /** Components whose process an earlier supervisor has started: nobody tells of their end. */
  readonly #adopted = new Set<string>();
  #wake: () => void = () => {};

  constructor(
    private readonly options: {
      readonly components: readonly Component[];
      readonly processes: Processes;
      readonly clock: Clock;
      readonly log: Logger;
    },
  ) {}

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { components, processes, clock } = this.options;
    this.#adopt();
    const exits = processes.onExit((component, exit) => this.#exited(component, exit));
    const wake = () => this.#wake();
    signal.addEventListener('abort', wake);
    let rotateAtMs = clock.monotonic();
    while (!signal.aborted) {
      this.#checkAdopted();
      const plan = planRestarts(this.#states, clock.monotonic());
      for (const name of plan.start) this.#start(name);
      if (plan.start.length > 0) continue;
      if (clock.monotonic() >= rotateAtMs) {
        processes.rotateLogs(components.map(({ name }) => name));
        rotateAtMs = clock.monotonic() + rotationMs;
      }
      const pollAtMs = this.#adopted.size > 0 ? clock.monotonic() + adoptedPollMs : Infinity;
      await this.#until(Math.min(rotateAtMs, pollAtMs, plan.wakeAtMs ?? Infinity), signal);
    }
    signal.removeEventListener('abort', wake);
    exits.dispose();
  }

  #adopt(): void {
    const { components, processes, clock, log } = this.options;
    for (const { name } of components) {
      const record = processes.find(name);
      this.#states.set(name, record ? started(neverStarted, clock.monotonic()) : neverStarted);
      if (!record) continue;
      this.#adopted.add(name);
      this.#restarts.set(name, record.restarts);
      log.info('component adopted', { component: name, pid: record.pid });
    }
  }

  #checkAdopted(): void {
    for (const name of this.#adopted) {
      if (!this.options.processes.find(name)) this.#exited(name, { atMs: this.options.clock.now() });
    }
  }

  #exited(name: string, exit: ExitRecord): void {
    const { processes, clock, log } = this.options;
    const state = this.#states.get(name);
    if (!state?.running) return;
    this.#adopted.delete(name);
    this.#states.set(name, exited(state, clock.monotonic()));
    log.warn('component ended', { component: name, status: exit.status });
    processes.noteExit(name, exit);
    this.#wake();
  }

  #start(name: string): void {
    const { components, processes, clock, log } = this.options;
    const component = components.find((one) => one.name === name) as Component;
    const restarts = (this.#restarts.get(name) ?? -1) + 1;
    const state = started(this.#states.get(name) as ComponentState, clock.monotonic());
    this.#restarts.set(name, restarts);
    try {
      const { pid } = processes.start(component, restarts);
      this.#states.set(name, state);
      log.info('component started', { component: name, pid, restarts });
    } catch (error) {
      this.#states.set(name, exited(state, clock.monotonic()));
      log.error('component cannot be run', { component: name, error: messageOf(error) });
    }
  }

  #until(atMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const timer = this.options.clock.after(Math.max(0, atMs - this.options.clock.monotonic()), resolve);
      this.#wake = () => {
        timer.dispose();
        resolve();
      };
    });
  }
}
