import type { Disposable } from '../base/disposable';
import { InstanceState } from '../gen/gilliam/v1/instance';
import type { InstanceStatus } from '../gen/gilliam/v1/instance';
import type { Container } from './driver';
import { HealthChecker } from './health/checker';
import { monitorHealth } from './health/monitor';
import type { CheckResult } from './host';
import type { Serving } from './labels';
import { provenAfterMs } from './restart-policy';
import { publishedPorts } from './status';
import type { StatusKeeper } from './status-keeper';
import type { WorkerContext } from './worker-context';

/** Until then, what a new container's failing checks say is no news. */
const quietMs = 2_000;

/** One run of a container: from a start to its exit. */
interface Run {
  readonly id: string;
  readonly startedMs: number | undefined;
  readonly beganMs: number;
  readonly monitor: Disposable | undefined;
}

/** Accompanies one instance's container while it runs: whether it is ready, and since when. */
export class RunAttendant {
  readonly #context: WorkerContext;
  readonly #keeper: StatusKeeper;
  readonly #checker: HealthChecker;
  readonly #onReadiness: () => void;
  #run: Run | undefined;
  #ready: boolean | undefined;
  /** The run that was seen ready last: it is taken to be so still when it is attended anew. */
  #readyRun: Run | undefined;
  #readySinceMs: number | undefined;
  #proven = false;

  /** `onReadiness` is called when `ready` may be another. */
  constructor(context: WorkerContext, keeper: StatusKeeper, onReadiness: () => void) {
    this.#context = context;
    this.#keeper = keeper;
    this.#onReadiness = onReadiness;
    this.#checker = new HealthChecker(context.driver, context.host, context.clock);
  }

  /** It has been ready long enough, once, for its command to be beyond doubt. */
  get proven(): boolean {
    const since = this.#readySinceMs;
    return this.#proven || (since !== undefined && this.#context.clock.monotonic() - since >= provenAfterMs);
  }

  /** Whether it is; undefined while nothing is attended, or an adopted one has not been checked yet. */
  get ready(): boolean | undefined {
    return this.#ready;
  }

  /**
   * This container runs, and serves so; nothing happens when that is already so. `known`: whether the control plane
   * has told what was known of it.
   */
  attend(container: Container, serving: Serving, { known }: { readonly known: boolean }): void {
    if (this.#run && sameRun(this.#run, container)) return;
    this.end();
    this.#begin(container, serving, known);
  }

  /** Nothing runs any more, or nothing that has to be ready. */
  end(): void {
    this.#run?.monitor?.dispose();
    this.#run = undefined;
    this.#ready = undefined;
    this.#unproven();
  }

  #begin(container: Container, serving: Serving, known: boolean): void {
    const before = this.#readyRun;
    const adopted =
      wasReady(this.#keeper.status, container) || (before !== undefined && sameRun(before, container));
    this.#keeper.set({
      containerId: container.id,
      host: this.#context.address,
      ports: publishedPorts(serving, container.ports),
    });
    const run = {
      id: container.id,
      startedMs: container.startedMs,
      beganMs: this.#context.clock.monotonic(),
    };
    const { health } = serving;
    if (adopted) this.#proven = true;
    this.#run = { ...run, monitor: undefined };
    if (adopted || !health?.check) this.#isReady();
    if (!health?.check) return;
    if (!adopted && known) this.#ready = false;
    if (!adopted && this.#keeper.status.reason !== 'Restarting') {
      this.#keeper.set({ ready: false, message: 'waiting for its health check' });
    }
    const { clock, bindAddress } = this.#context;
    const firstPort = serving.ports[0]?.containerPort;
    const monitor = monitorHealth({
      health,
      target: { container, firstPort, bindAddress },
      checker: this.#checker,
      clock,
      ready: adopted || (known ? false : undefined),
      onResult: (ready, result) => (ready ? this.#isReady() : this.#failed(result)),
    });
    this.#run = { ...run, monitor };
  }

  #isReady(): void {
    this.#readySinceMs ??= this.#context.clock.monotonic();
    this.#ready = true;
    this.#readyRun = this.#run;
    this.#keeper.set({ state: InstanceState.RUNNING, ready: true, reason: '', message: '' });
    this.#onReadiness();
  }

  #failed(result: CheckResult): void {
    const upMs = this.#context.clock.monotonic() - (this.#run?.beganMs ?? 0);
    const news = this.#keeper.status.ready;
    this.#ready = false;
    this.#readyRun = undefined;
    this.#unproven();
    this.#onReadiness();
    if (news) this.#keeper.warn('Unhealthy', result.detail);
    if (news || upMs >= quietMs) {
      this.#keeper.set({ ready: false, reason: 'Unhealthy', message: result.detail });
    }
  }

  #unproven(): void {
    this.#proven = this.proven;
    this.#readySinceMs = undefined;
  }
}

/** What was ready before the agent was restarted is taken to be so until its check says otherwise. */
function wasReady(status: InstanceStatus, container: Container): boolean {
  return status.state === InstanceState.RUNNING && status.ready && status.containerId === container.id;
}

/** A start that was our own comes without the engine's time: the first time that is seen is its time. */
function sameRun(run: Run, { id, startedMs }: Container): boolean {
  return run.id === id && (run.startedMs ?? startedMs) === (startedMs ?? run.startedMs);
}
