import type { Driver } from '../agent/driver';
import { EngineFault, EngineUnavailable, PullFailed } from '../agent/driver-errors';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';

/** What can be made slow, and made to fail. */
export type Verb = Exclude<keyof Driver, 'logs'>;

interface Failure {
  readonly verb: Verb;
  readonly error: () => Error;
  readonly done: boolean;
  times: number;
}

/** How the calls of an engine in memory go: how long they take, and which ones fail. */
export class FakeCalls {
  readonly #failures: Failure[] = [];
  /** Whether the engine answers. */
  up = true;

  constructor(
    private readonly clock: Clock,
    private readonly latencyMs: Partial<Record<Verb, number>> = {},
  ) {}

  /** The next calls of the verb fail; with `done`, although they do what they were asked. */
  fail(
    verb: Verb,
    error: () => Error,
    { times = 1, done = false }: { times?: number; done?: boolean },
  ): void {
    this.#failures.push({ verb, error, times, done });
  }

  /** Throws EngineUnavailable. */
  checkUp(): void {
    if (!this.up) throw unavailable();
  }

  /** Waits as long as the call takes, then fails or does it. */
  async run<T>(verb: Verb, signal: AbortSignal | undefined, work: () => T): Promise<T> {
    signal?.throwIfAborted();
    this.checkUp();
    const latencyMs = this.latencyMs[verb] ?? 0;
    if (latencyMs > 0) await sleep(this.clock, latencyMs, signal);
    else await Promise.resolve();
    this.checkUp();
    const failure = this.#failures.find((one) => one.verb === verb && one.times > 0);
    if (!failure) return work();
    failure.times--;
    if (failure.done) work();
    throw failure.error();
  }
}

/** Errors for `fail`. */
export const failures = {
  engine: () => unavailable(),
  fault: () => new EngineFault('no space left on device'),
  pull: () => new PullFailed('dial tcp: connection refused'),
} as const;

export function unavailable(): EngineUnavailable {
  return new EngineUnavailable('the container engine does not answer: start it');
}
