import type { BackoffOptions } from '../base/backoff';
import { backoffMs } from '../base/backoff';
import type { Clock } from '../base/clock';
import type { Random } from '../base/random';
import { restartBackoff } from './restart-policy';

const engineBackoff = { startMs: 250, capMs: 5_000, jitter: 0.2 } as const;
const pullBackoff = { startMs: 1_000, capMs: 60_000, jitter: 0.2 } as const;
/** Starts that the engine fails at for its own reasons, in a row, before the instance is given up here. */
const maxFaults = 5;
/** So many other ports are tried without a pause. */
const portsAtOnce = 3;

/** What has gone wrong with one instance in a row, and how long that makes it wait. Times are the monotonic clock's. */
export class Setbacks {
  #exits = 0;
  #pulls = 0;
  #ports = 0;
  #faults = 0;
  #silences = 0;
  #startNotBeforeMs = 0;
  #engineNotBeforeMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** It is not pulled, made or started before. */
  get startNotBeforeMs(): number {
    return this.#startNotBeforeMs;
  }

  /** The engine is asked for nothing before. */
  get engineNotBeforeMs(): number {
    return this.#engineNotBeforeMs;
  }

  /** Exits in a row, none of them after a sound run. */
  get exits(): number {
    return this.#exits;
  }

  /** It exited; `row` counts this exit. */
  exited(delayMs: number, row: number): void {
    this.#exits = row;
    this.#startNotBeforeMs = this.clock.monotonic() + delayMs;
  }

  /** The delay after its container was removed by somebody else: as after an exit. */
  vanished(): number {
    const delayMs = backoffMs(restartBackoff, this.#exits);
    this.exited(delayMs, this.#exits + 1);
    return delayMs;
  }

  pullFailed(): number {
    return this.#waitToStart(pullBackoff, this.#pulls++);
  }

  portTaken(): void {
    if (++this.#ports > portsAtOnce) this.#waitToStart(restartBackoff, this.#ports - portsAtOnce - 1);
  }

  /** The engine failed for its own reasons: how long to wait. Undefined when that was once too often to go on. */
  faulted(): number | undefined {
    const delayMs = this.#waitForEngine(pullBackoff, this.#faults);
    return ++this.#faults < maxFaults ? delayMs : undefined;
  }

  engineSilent(): void {
    this.#waitForEngine(engineBackoff, this.#silences++);
  }

  /** A step succeeded. */
  stepped(): void {
    this.#silences = 0;
  }

  pulled(): void {
    this.#pulls = 0;
  }

  started(): void {
    this.#faults = 0;
    this.#ports = 0;
  }

  /** Something else is wished: what it waited for before is not what it waits for now. */
  forgetStart(): void {
    this.#startNotBeforeMs = 0;
  }

  /** The engine has answered somebody. */
  forgetEngine(): void {
    this.#engineNotBeforeMs = 0;
  }

  #waitToStart(backoff: BackoffOptions, attempt: number): number {
    const delayMs = backoffMs(backoff, attempt, this.random);
    this.#startNotBeforeMs = this.clock.monotonic() + delayMs;
    return delayMs;
  }

  #waitForEngine(backoff: BackoffOptions, attempt: number): number {
    const delayMs = backoffMs(backoff, attempt, this.random);
    this.#engineNotBeforeMs = this.clock.monotonic() + delayMs;
    return delayMs;
  }
}
