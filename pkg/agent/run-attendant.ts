import type { Disposable } from '../base/disposable';
import { InstanceState } from '../gen/gilliam/v1/instance';
import type { InstanceStatus } from '../gen/gilliam/v1/instance';
import type { Container } from './driver';
import { HealthChecker } from './health/checker';
import { monitorHealth } from './health/monitor';
import type { CheckResult } from './host';
import { provenAfterMs } from './restart-policy';
import { publishedPorts } from './status';
import type { StatusKeeper } from './status-keeper';
import type { Task } from './task';
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
  #run: Run | undefined;
  #readySinceMs: number | undefined;
  #proven = false;

  constructor(context: WorkerContext, keeper: StatusKeeper) {
    this.#context = context;
    this.#keeper = keeper;
    this.#checker = new HealthChecker(context.driver, context.host, context.clock);
  }

  /** It has been ready long enough, once, for its command to be beyond doubt. */
  get proven(): boolean {
    const since = this.#readySinceMs;
    return this.#proven || (since !== undefined && this.#context.clock.monotonic() - since >= provenAfterMs);
  }

  /** This container runs for this task; nothing happens when that is already so. */
  attend(container: Container, task: Task): void {
    if (this.#run && sameRun(this.#run, container)) return;
    this.end();
    this.#begin(container, task);
  }

  /** Nothing runs any more, or nothing that has to be ready. */
  end(): void {
    this.#run?.monitor?.dispose();
    this.#run = undefined;
    this.#unready();
  }

  #begin(container: Container, task: Task): void {
    const adopted = wasReady(this.#keeper.status, container);
    this.#keeper.set({
      containerId: container.id,
      host: this.#context.address,
      ports: publishedPorts(task.process, container.ports),
    });
    const run = {
      id: container.id,
      startedMs: container.startedMs,
      beganMs: this.#context.clock.monotonic(),
    };
    const { health } = task.process;
    if (adopted) {
      this.#proven = true;
      this.#readySinceMs = run.beganMs;
    }
    if (!health?.check) {
      this.#run = { ...run, monitor: undefined };
      return this.#ready();
    }
    if (!adopted && this.#keeper.status.reason !== 'Restarting') {
      this.#keeper.set({ ready: false, message: 'waiting for its health check' });
    }
    const { clock, bindAddress } = this.#context;
    const firstPort = task.process.ports[0]?.containerPort;
    const monitor = monitorHealth({
      health,
      target: { container, firstPort, bindAddress },
      checker: this.#checker,
      clock,
      ready: adopted,
      onResult: (ready, result) => (ready ? this.#ready() : this.#failed(result)),
    });
    this.#run = { ...run, monitor };
  }

  #ready(): void {
    this.#readySinceMs ??= this.#context.clock.monotonic();
    this.#keeper.set({ state: InstanceState.RUNNING, ready: true, reason: '', message: '' });
  }

  #failed(result: CheckResult): void {
    const upMs = this.#context.clock.monotonic() - (this.#run?.beganMs ?? 0);
    const news = this.#keeper.status.ready;
    this.#unready();
    if (news) this.#keeper.warn('Unhealthy', result.detail);
    if (news || upMs >= quietMs) {
      this.#keeper.set({ ready: false, reason: 'Unhealthy', message: result.detail });
    }
  }

  #unready(): void {
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
