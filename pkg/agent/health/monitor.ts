import type { Clock } from '../../base/clock';
import { sleep } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import type { HealthCheck } from '../../gen/gilliam/v1/release';
import { healthTimingOf } from '../../resource/defaults';
import type { CheckResult } from '../host';
import type { CheckTarget, HealthChecker } from './checker';

/** The first checks of a new container come fast, since that is what a deploy waits for, and then slow down. */
const firstIntervalMs = { network: 20, command: 250 } as const;

export interface MonitorOptions {
  readonly health: HealthCheck;
  readonly target: CheckTarget;
  readonly checker: HealthChecker;
  readonly clock: Clock;
  /** Of what was ready when it was last looked at, or may have been (undefined), one failure proves nothing. */
  readonly ready: boolean | undefined;
  /** Called when the readiness changes, and with each failure while it is not ready. */
  readonly onResult: (ready: boolean, result: CheckResult) => void;
}

/** Checks one run of a container until disposed. */
export function monitorHealth(options: MonitorOptions): Disposable {
  const stopped = new AbortController();
  void run(options, stopped.signal);
  return { dispose: () => stopped.abort(new Error('the container is no longer checked')) };
}

async function run(options: MonitorOptions, signal: AbortSignal): Promise<void> {
  const { health, target, checker, clock, onResult } = options;
  const timing = healthTimingOf(health);
  let said = options.ready;
  let ready = said ?? true;
  let delayMs: number = health.check?.$case === 'command' ? firstIntervalMs.command : firstIntervalMs.network;
  let failures = 0;
  try {
    while (!signal.aborted) {
      const result = await checker.check(health, target, timing.timeoutMs, signal);
      if (signal.aborted) return;
      failures = result.ok ? 0 : failures + 1;
      const now = result.ok || (ready && failures < timing.failureThreshold);
      if (!now || (result.ok && !said)) {
        said = now;
        onResult(now, result);
      }
      ready = now;
      delayMs = ready ? timing.intervalMs : Math.min(delayMs * 1.5, timing.startingIntervalMs);
      await sleep(clock, delayMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
