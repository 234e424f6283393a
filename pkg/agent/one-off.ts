import { messageOf } from '../base/errors';
import type { OneOff as OneOffSpec } from '../gen/gilliam/v1/instance';
import type { Container } from './driver';
import type { Attachment } from './terminal/attachment';
import { connect } from './terminal/connect';
import type { WorkerContext } from './worker-context';

/** For so long a command that somebody is to be attached to is kept without anybody. */
export const aloneMs = 30_000;

/** Of an instance that runs once, what its next step depends on. Times are the monotonic clock's. */
export interface OnceFacts {
  /** Its command has ended, or must never begin: it is not started again. */
  readonly over: boolean;
  /** Somebody is to be attached before it starts, and is not. */
  readonly awaited: boolean;
  /** Somebody is attached and does not have all yet. */
  readonly busy: boolean;
  /** It does not run from then on: its deadline, or too long with nobody attached. */
  readonly endAtMs: number;
}

/** What the worker knows of an instance that runs once: whether somebody is attached, and until when it may run. */
export class OneOff {
  readonly #context: WorkerContext;
  readonly #onChange: () => void;
  /** `attached`: somebody is to be attached to it. Known before its task is, by its container's label. */
  readonly #attached: boolean;
  #attachment: Attachment | undefined;
  #aloneSinceMs: number;
  #startedAtMs: number | undefined;
  #busy = false;
  over = false;
  /** Resolves with the exit code as soon as the engine tells it. */
  readonly #exit: Promise<number>;
  #tellExit: (code: number) => void = () => {};

  constructor(context: WorkerContext, attached: boolean, onChange: () => void) {
    this.#context = context;
    this.#attached = attached;
    this.#onChange = onChange;
    this.#aloneSinceMs = context.clock.monotonic();
    this.#exit = new Promise((resolve) => (this.#tellExit = resolve));
  }

  facts(spec: OneOffSpec | undefined): OnceFacts {
    return {
      over: this.over,
      awaited: this.#attached && (this.#attachment?.gone.aborted ?? true),
      busy: this.#busy,
      endAtMs: Math.min(this.#deadlineMs(spec), this.#patienceMs()),
    };
  }

  /** Why it was ended, once its end has come. */
  reasonToEnd(spec: OneOffSpec | undefined): { readonly reason: string; readonly message: string } {
    return this.#patienceMs() < this.#deadlineMs(spec)
      ? { reason: 'TerminalGone', message: `ended: nobody was attached for ${aloneMs / 1000} s` }
      : { reason: 'DeadlineExceeded', message: `ended: it ran for ${(spec?.deadlineMs ?? 0) / 1000} s` };
  }

  /** Somebody is there. The first one stays: a command has one terminal. */
  take(attachment: Attachment): boolean {
    if (this.#attachment || this.over) return false;
    this.#attachment = attachment;
    attachment.gone.addEventListener('abort', () => this.#left(), { once: true });
    if (attachment.gone.aborted) this.#left();
    this.#onChange();
    return true;
  }

  /** Starts its container by `start`, attached first, so that nothing it prints is missed. */
  async start(container: Container, start: () => Promise<void>): Promise<void> {
    const attachment = this.#attachment;
    if (!attachment) {
      await start();
      this.started(undefined);
      return;
    }
    const terminal = await this.#context.driver.attach(container.id, { tty: attachment.wanted.tty });
    try {
      await start();
    } catch (error) {
      terminal.close();
      throw error;
    }
    this.started(undefined);
    this.#busy = true;
    void this.#accompany(attachment, () => connect(attachment, terminal, this.#context.log, this.#exit));
  }

  /** It runs since then, by the wall clock; undefined for now. */
  started(startedMs: number | undefined): void {
    const { clock } = this.#context;
    const agoMs = startedMs === undefined ? 0 : Math.max(0, clock.now() - startedMs);
    this.#startedAtMs ??= clock.monotonic() - agoMs;
  }

  /** Its command has exited: whoever is attached need not wait until the engine has cleared up behind it. */
  exited(code: number): void {
    this.#tellExit(code);
  }

  /** It will not run: whoever waits for it is told why. */
  refuse(code: number, message: string): void {
    this.over = true;
    if (!this.#busy) void this.#attachment?.finish(code, message);
  }

  async #accompany(attachment: Attachment, run: () => Promise<number | undefined>): Promise<void> {
    try {
      const code = await run();
      if (code !== undefined) await attachment.finish(code);
    } catch (error) {
      await attachment.finish(125, messageOf(error));
    } finally {
      // Until they have it: to remove a container is work, and nobody waits for that.
      await attachment.ended;
      this.#busy = false;
      this.#onChange();
    }
  }

  #left(): void {
    this.#aloneSinceMs = this.#context.clock.monotonic();
    this.#onChange();
  }

  #patienceMs(): number {
    if (!this.#attached || (this.#attachment && !this.#attachment.gone.aborted)) return Infinity;
    return this.#aloneSinceMs + aloneMs;
  }

  #deadlineMs(spec: OneOffSpec | undefined): number {
    if (!spec?.deadlineMs || this.#startedAtMs === undefined) return Infinity;
    return this.#startedAtMs + spec.deadlineMs;
  }
}
