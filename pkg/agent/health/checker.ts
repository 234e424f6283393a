import type { Clock } from '../../base/clock';
import { deadline } from '../../base/clock';
import { messageOf } from '../../base/errors';
import type { HealthCheck } from '../../gen/gilliam/v1/release';
import type { Container, Driver } from '../driver';
import type { CheckResult, Host } from '../host';

/** Where a check goes. */
export interface CheckTarget {
  readonly container: Container;
  /** The process's first container port. */
  readonly firstPort: number | undefined;
  /** Where published ports listen. */
  readonly bindAddress: string;
}

/** Carries out one instance's checks, one at a time. */
export class HealthChecker {
  /** A command that has outlived its time: an engine cannot end one, so no second one is started beside it. */
  #outstanding: Promise<unknown> | undefined;

  constructor(
    private readonly driver: Driver,
    private readonly host: Host,
    private readonly clock: Clock,
  ) {}

  async check(
    health: HealthCheck,
    target: CheckTarget,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<CheckResult> {
    const { check } = health;
    if (!check) return { ok: true, detail: 'nothing to check' };
    const limit = deadline(this.clock, timeoutMs, signal);
    try {
      if (check.$case === 'command')
        return await this.#command(check.value.command, target, timeoutMs, limit.signal);
      const port = check.value.port || target.firstPort;
      if (port === undefined) return { ok: false, detail: 'the process has no port to check' };
      const { address, hostPort } = reach(target, port);
      return await this.host.check(check, address, hostPort, limit.signal);
    } finally {
      limit.dispose();
    }
  }

  async #command(
    command: readonly string[],
    target: CheckTarget,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<CheckResult> {
    const name = command[0] ?? '';
    if (this.#outstanding) return { ok: false, detail: `${name} still runs after ${timeoutMs} ms` };
    const run = this.driver.exec(target.container.id, command).then(
      ({ exitCode, output }): CheckResult => ({
        ok: exitCode === 0,
        detail: `${name} exited with ${exitCode}${firstLine(output)}`,
      }),
      (error: unknown): CheckResult => ({ ok: false, detail: messageOf(error) }),
    );
    const outstanding = run.finally(() => {
      if (this.#outstanding === outstanding) this.#outstanding = undefined;
    });
    this.#outstanding = outstanding;
    return await Promise.race([
      run,
      timedOut(signal, { ok: false, detail: `${name} still runs after ${timeoutMs} ms` }),
    ]);
  }
}

/**
 * Straight to the container where that is possible: the engine's own proxy accepts connections to a published port
 * whether or not anything listens behind it.
 */
function reach(target: CheckTarget, port: number): { address: string; hostPort: number } {
  const { container, bindAddress } = target;
  if (container.address) return { address: container.address, hostPort: port };
  const published = container.ports.find(({ containerPort }) => containerPort === port);
  return {
    address: bindAddress === '0.0.0.0' ? '127.0.0.1' : bindAddress,
    hostPort: published?.hostPort ?? port,
  };
}

function timedOut<T>(signal: AbortSignal, result: T): Promise<T> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(result);
    signal.addEventListener('abort', () => resolve(result), { once: true });
  });
}

function firstLine(output: string): string {
  const line = output.trim().split('\n', 1)[0];
  return line ? `: ${line}` : '';
}
