import { backoffMs } from '../base/backoff';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { UnavailableError, messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type {
  Assignment,
  AssignmentChange,
  ConnectRequest,
  ConnectResponse,
  Hello,
  LogsWanted,
  RegistryPeer,
  TerminalWanted,
  UsageReport,
} from '../gen/gilliam/v1/session_service';
import { Volume as VolumeMessage } from '../gen/gilliam/v1/volume';
import { volumes, type Volume } from '../resource/objects';
import type { Reporter } from './reporter';
import type { Connect, Transport } from './transport';
import { Waker } from './waker';

const backoff = { startMs: 100, capMs: 2_000, jitter: 0.5 } as const;

export interface SessionHandler {
  hello(signal: AbortSignal): Promise<Hello>;
  assignment(assignment: Assignment): void;
  change(change: AssignmentChange): void;
  /** All nodes of the service registry. */
  peers(peers: readonly RegistryPeer[]): void;
  /** All volumes here that are to be deleted. */
  volumesToDelete(volumes: readonly Volume[]): void;
  /** The uids of those that have been deleted, and not been told yet. */
  volumesDeleted(): string[] | undefined;
  /** What was told in the session before may not have arrived. */
  reconnected(): void;
  /** What instances use and how they are used, where there is something new to say of it. */
  usage(): UsageReport | undefined;
  /** `transport` and `signal` are those of the session that asked. */
  logsWanted(wanted: LogsWanted, transport: Transport, signal: AbortSignal): void;
  /** As logsWanted. */
  terminalWanted(wanted: TerminalWanted, transport: Transport, signal: AbortSignal): void;
}

export interface SessionOptions {
  readonly connect: Connect;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** From connecting to the first assignment. */
  readonly assignmentTimeoutMs: number;
}

/** The executor's connection to a control plane: made again whenever it ends. */
export class Session {
  readonly #options: SessionOptions;
  readonly #handler: SessionHandler;
  readonly #waker = new Waker();
  #reporter: Reporter | undefined;
  #synced: 'no' | 'wanted' | 'sent' = 'no';
  #assigned = false;
  /** Why the engine does not answer, empty while it does: as it is, and as this session has said. */
  readonly #engine = { silence: '', said: '' };

  constructor(options: SessionOptions, handler: SessionHandler) {
    this.#options = options;
    this.#handler = handler;
  }

  /** There may be something to send. */
  wake(): void {
    this.#waker.wake();
  }

  /** The assignment of this session is carried out: say so, once. */
  synced(): void {
    if (this.#synced === 'no') this.#synced = 'wanted';
    this.#waker.wake();
  }

  /** The engine does not answer, and why; empty: it does. Nothing is placed here meanwhile. */
  engineSilent(why: string): void {
    this.#engine.silence = why;
    this.#waker.wake();
  }

  async run(reporter: Reporter, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    this.#reporter = reporter;
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.#once(signal);
        log.info('the control plane ended the session');
      } catch (error) {
        if (signal.aborted) return;
        const fields = { error: messageOf(error) };
        if (this.#assigned) log.info('the session broke', fields);
        else log.debug('no session with the control plane', fields);
      }
      failures = this.#assigned ? 0 : failures + 1;
      await sleep(clock, backoffMs(backoff, failures, random), signal).catch(() => {});
    }
  }

  async #once(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    this.#assigned = false;
    this.#synced = 'no';
    this.#engine.said = '';
    this.#reporter?.reconnected();
    this.#handler.reconnected();
    const hello = await this.#handler.hello(either);
    const transport = this.#options.connect();
    const { clock, assignmentTimeoutMs } = this.#options;
    const patience = clock.after(assignmentTimeoutMs, () =>
      ended.abort(new UnavailableError(`no assignment within ${assignmentTimeoutMs} ms`)),
    );
    try {
      for await (const { message } of transport.session(this.#requests(hello, either), either)) {
        if (message?.$case === 'assignment') patience.dispose();
        this.#receive(message, transport, either);
      }
    } finally {
      patience.dispose();
      ended.abort(new Error('the session has ended'));
      transport.close();
    }
  }

  #receive(message: ConnectResponse['message'], transport: Transport, signal: AbortSignal): void {
    switch (message?.$case) {
      case 'assignment':
        this.#assigned = true;
        return this.#handler.assignment(message.value);
      case 'change':
        return this.#handler.change(message.value);
      case 'volumesToDelete':
        return this.#handler.volumesToDelete(
          message.value.volumes.map((each) => volumes.decode(VolumeMessage.encode(each).finish())),
        );
      case 'registryPeers':
        return this.#handler.peers(message.value.peers);
      case 'ack':
        return this.#reporter?.acknowledged(message.value.sequence);
      case 'logsWanted':
        return this.#handler.logsWanted(message.value, transport, signal);
      case 'terminalWanted':
        return this.#handler.terminalWanted(message.value, transport, signal);
      case undefined:
        // From a newer control plane: it will not ask for what it has not been told we know.
        return;
    }
  }

  /** Hello first, then whatever is there to be said, as fast as the stream takes it. */
  async *#requests(hello: Hello, signal: AbortSignal): AsyncGenerator<ConnectRequest> {
    yield { message: { $case: 'hello', value: hello } };
    while (!signal.aborted) {
      // Before the first assignment the control plane does not know which session a report belongs to.
      const next = this.#assigned ? this.#next() : undefined;
      if (next) yield { message: next };
      else await this.#waker.wait(this.#options.clock, undefined, signal);
    }
  }

  /** What is to be said next: usage can wait longest. */
  #next(): ConnectRequest['message'] {
    const report = this.#reporter?.take();
    if (report) return { $case: 'report', value: report };
    const { silence, said } = this.#engine;
    // Before `synced`, which would make it ready. How it is said may change: that is no news.
    if ((silence === '') !== (said === '')) {
      this.#engine.said = silence;
      return { $case: 'engine', value: { silence } };
    }
    if (this.#synced === 'wanted') {
      this.#synced = 'sent';
      return { $case: 'synced', value: {} };
    }
    const volumes = this.#handler.volumesDeleted();
    if (volumes) return { $case: 'volumesDeleted', value: { volumes } };
    const usage = this.#handler.usage();
    return usage && { $case: 'usage', value: usage };
  }
}
