import type { InstanceStatus } from '../gen/gilliam/v1/instance';
import type { Identity } from './labels';
import type { StatusPatch } from './status';
import { emptyStatus, patchStatus, sameStatus } from './status';
import type { WorkerContext } from './worker-context';

/** One instance's status, and what of it the control plane is told. */
export class StatusKeeper {
  readonly #context: Pick<WorkerContext, 'reporter' | 'clock'>;
  #status: InstanceStatus = emptyStatus;
  #adopted = false;
  /** Of an instance that nobody has named, or that is forgotten, there is nothing to report. */
  reporting = false;

  constructor(
    context: Pick<WorkerContext, 'reporter' | 'clock'>,
    /** Whose status it is. */
    public identity: Identity,
  ) {
    this.#context = context;
  }

  get status(): InstanceStatus {
    return this.#status;
  }

  /**
   * Begins with what the control plane knows: restarts, readiness, since when. To that comes what happened here before
   * it was heard. Only once: from then on, this is the place that knows.
   */
  adopt(known: InstanceStatus): void {
    if (this.#adopted) return;
    this.#adopted = true;
    const { restarts, exitCode, reason, message } = this.#status;
    this.#status = known;
    if (restarts === 0 && !reason) return;
    this.set({
      restarts: known.restarts + restarts,
      exitCode: exitCode ?? known.exitCode,
      ready: known.ready && !reason,
      reason,
      message,
    });
  }

  /** Reports what it knows when `known`, which the control plane has, is not the same. */
  compare(known: InstanceStatus): void {
    if (!sameStatus(known, this.#status)) this.#report();
  }

  set(patch: StatusPatch): void {
    const next = patchStatus(this.#status, patch, this.#context.clock.now());
    if (next === this.#status) return;
    this.#status = next;
    this.#report();
  }

  event(reason: string, message: string, options: { readonly warning?: boolean } = {}): void {
    const { uid, formation, name } = this.identity;
    const time = new Date(this.#context.clock.now());
    const warning = options.warning ?? false;
    this.#context.reporter.event({ formation, name, uid, reason, message, warning, time });
  }

  warn(reason: string, message: string): void {
    this.event(reason, message, { warning: true });
  }

  #report(): void {
    if (this.reporting) this.#context.reporter.status(this.identity, this.#status);
  }
}
