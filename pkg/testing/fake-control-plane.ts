import type { Connect, Transport } from '../agent/transport';
import { UnavailableError } from '../base/errors';
import { Passage } from '../base/passage';
import type { TerminalExit, TerminalInput } from '../gen/gilliam/v1/exec_service';
import type { InstanceStatus } from '../gen/gilliam/v1/instance';
import { InstanceSpec_Desired, InstanceState } from '../gen/gilliam/v1/instance';
import type { LogLine } from '../gen/gilliam/v1/log_service';
import type {
  AttachRequest,
  AttachResponse,
  ConnectRequest,
  ConnectResponse,
  EventReport,
  Hello,
  RegistryPeer,
  Report,
  SendLogsRequest,
} from '../gen/gilliam/v1/session_service';
import { LogsWanted, Task, TerminalWanted } from '../gen/gilliam/v1/session_service';
import type { Volume } from '../gen/gilliam/v1/volume';
import { mayBecome } from '../resource/instance';

type Message = NonNullable<ConnectResponse['message']>;

/** The executors' side of a control plane, in memory: what it wants is set by a test, what it hears is there to see. */
export class FakeControlPlane {
  readonly #tasks = new Map<string, Task>();
  readonly #callers = new Map<string, FakeCaller>();
  #peers: RegistryPeer[] | undefined;
  #volumes: Volume[] | undefined;
  /** The uids of volumes that executors have deleted. */
  readonly volumesDeleted: string[] = [];
  #session: Outbox | undefined;
  #up = true;
  /** Reports are acknowledged, and taken over into the statuses. */
  acknowledging = true;
  readonly hellos: Hello[] = [];
  readonly reports: Report[] = [];
  readonly events: EventReport[] = [];
  /** How often an executor has said that it is in step. */
  synced = 0;
  /** What was said, message by message. */
  readonly order: string[] = [];
  /** Why the executor's engine does not answer, as it has said. */
  engineSilence = '';
  readonly logs = new Map<string, { lines: LogLine[]; error: string; ended: boolean }>();
  /** Awaited for each message of logs: a slow reader. */
  takeLogs: (request: SendLogsRequest) => Promise<void> = async () => {};

  readonly connect: Connect = (): Transport => ({
    session: (requests, signal) => this.#serve(requests, signal),
    sendLogs: (requests, signal) => this.#takeLogs(requests, signal),
    attach: (requests, signal) => this.#attach(requests, signal),
    close: () => {},
  });

  get connected(): boolean {
    return this.#session !== undefined;
  }

  /** Ends the session, and refuses new ones until it is up again. */
  setUp(up: boolean): void {
    this.#up = up;
    if (!up) this.#session?.fail(new UnavailableError('the control plane is gone'));
  }

  /** The session breaks; the executor may connect again. */
  cut(): void {
    this.#session?.fail(new UnavailableError('the connection was reset'));
  }

  /** Puts tasks into the assignment. */
  assign(...tasks: Task[]): void {
    for (const task of tasks) this.#tasks.set(uidOf(task), task);
    this.#session?.push({ $case: 'change', value: { tasks, forgotten: [] } });
  }

  /** Wishes instances stopped. */
  stop(...uids: string[]): void {
    this.#change(uids, (task) => {
      if (task.instance?.spec) task.instance.spec.desired = InstanceSpec_Desired.STOPPED;
    });
  }

  /** Declares instances lost. Without a session they learn of it with the next assignment. */
  lose(...uids: string[]): void {
    this.#change(uids, (task) => {
      if (task.instance?.status) task.instance.status.state = InstanceState.LOST;
    });
  }

  /** Takes instances out of the assignment; `silently`, as if they had never been heard of. */
  forget(uids: readonly string[], options: { silently?: boolean } = {}): void {
    for (const uid of uids) this.#tasks.delete(uid);
    if (!options.silently)
      this.#session?.push({ $case: 'change', value: { tasks: [], forgotten: [...uids] } });
  }

  /** Tells the nodes of the service registry, now and after each assignment. */
  setPeers(peers: readonly RegistryPeer[]): void {
    this.#peers = [...peers];
    this.#session?.push({ $case: 'registryPeers', value: { peers: this.#peers } });
  }

  /** Tells which volumes are to be deleted, now and after each assignment. */
  deleteVolumes(...volumes: Volume[]): void {
    this.#volumes = volumes;
    this.#session?.push({ $case: 'volumesToDelete', value: { volumes } });
  }

  wantLogs(wanted: Partial<LogsWanted> & { stream: string; uid: string }): void {
    this.logs.set(wanted.stream, { lines: [], error: '', ended: false });
    const value = LogsWanted.fromPartial(wanted);
    this.#session?.push({ $case: 'logsWanted', value });
  }

  /** Somebody wants to be attached: what they type and see. */
  wantTerminal(wanted: Partial<TerminalWanted> & { stream: string; uid: string }): FakeCaller {
    const caller = new FakeCaller();
    this.#callers.set(wanted.stream, caller);
    this.#session?.push({ $case: 'terminalWanted', value: TerminalWanted.fromPartial(wanted) });
    return caller;
  }

  /** The newest status that has been reported and taken over. */
  status(uid: string): InstanceStatus | undefined {
    return this.#tasks.get(uid)?.instance?.status;
  }

  #change(uids: readonly string[], change: (task: Task) => void): void {
    const tasks = uids.flatMap((uid) => {
      const task = this.#tasks.get(uid);
      if (!task) return [];
      const next = Task.decode(Task.encode(task).finish());
      change(next);
      this.#tasks.set(uid, next);
      return [next];
    });
    this.#session?.push({ $case: 'change', value: { tasks, forgotten: [] } });
  }

  async *#serve(
    requests: AsyncIterable<ConnectRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<ConnectResponse> {
    if (!this.#up) throw new UnavailableError('the control plane is gone');
    const outbox = new Outbox();
    this.#session = outbox;
    const onAbort = () => outbox.fail(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    void this.#read(requests, outbox).catch((error: unknown) => outbox.fail(error as Error));
    try {
      yield* outbox.messages();
    } finally {
      signal.removeEventListener('abort', onAbort);
      if (this.#session === outbox) this.#session = undefined;
    }
  }

  async #read(requests: AsyncIterable<ConnectRequest>, outbox: Outbox): Promise<void> {
    for await (const { message } of requests) {
      if (this.#session !== outbox) return;
      if (message) this.order.push(message.$case);
      if (message?.$case === 'hello') {
        this.hellos.push(message.value);
        this.engineSilence = '';
        outbox.push({ $case: 'assignment', value: { tasks: [...this.#tasks.values()] } });
        if (this.#volumes) outbox.push({ $case: 'volumesToDelete', value: { volumes: this.#volumes } });
        if (this.#peers) outbox.push({ $case: 'registryPeers', value: { peers: this.#peers } });
      } else if (message?.$case === 'synced') this.synced++;
      else if (message?.$case === 'engine') this.engineSilence = message.value.silence;
      else if (message?.$case === 'volumesDeleted') this.volumesDeleted.push(...message.value.volumes);
      else if (message?.$case === 'report') this.#takeReport(message.value, outbox);
    }
  }

  #takeReport(report: Report, outbox: Outbox): void {
    this.reports.push(report);
    if (!this.acknowledging) return;
    this.events.push(...report.events);
    for (const { uid, status } of report.instances) {
      const task = this.#tasks.get(uid);
      const from = task?.instance?.status?.state ?? InstanceState.UNSPECIFIED;
      if (!task?.instance || !status || !mayBecome(from, status.state)) continue;
      this.#tasks.set(uid, { ...task, instance: { ...task.instance, status } });
    }
    outbox.push({ $case: 'ack', value: { sequence: report.sequence } });
  }

  async *#attach(
    requests: AsyncIterable<AttachRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<AttachResponse> {
    const iterator = requests[Symbol.asyncIterator]();
    const first = await iterator.next();
    const stream = first.done ? undefined : first.value.message;
    const caller = stream?.$case === 'stream' ? this.#callers.get(stream.value) : undefined;
    if (!caller) throw new UnavailableError('nobody waits for this terminal');
    const either = AbortSignal.any([signal, caller.left.signal]);
    either.addEventListener('abort', () => void iterator.return?.(), { once: true });
    void caller.read(iterator);
    for await (const input of caller.input.take(either)) yield { input };
    if (caller.left.signal.aborted) throw new UnavailableError('the caller is gone');
  }

  async #takeLogs(requests: AsyncIterable<SendLogsRequest>, signal: AbortSignal): Promise<void> {
    let stream = '';
    for await (const request of requests) {
      if (signal.aborted) return;
      stream ||= request.stream;
      const log = this.logs.get(stream);
      log?.lines.push(...request.lines);
      if (log && request.error) log.error = request.error;
      await this.takeLogs(request);
    }
    const log = this.logs.get(stream);
    if (log) log.ended = true;
  }
}

/** Whoever is attached to a command, by hand. */
export class FakeCaller {
  readonly input = new Passage<TerminalInput>(16);
  readonly left = new AbortController();
  readonly #printed: Buffer[] = [];
  readonly #errors: Buffer[] = [];
  exit: TerminalExit | undefined;
  attached = false;
  /** Awaited for each message: a slow reader. */
  take: () => Promise<void> = async () => {};

  get text(): string {
    return Buffer.concat(this.#printed).toString('utf8');
  }

  get errors(): string {
    return Buffer.concat(this.#errors).toString('utf8');
  }

  type(text: string): void {
    void this.input.put({ input: { $case: 'stdin', value: Buffer.from(text) } });
  }

  send(input: NonNullable<TerminalInput['input']>): void {
    void this.input.put({ input });
  }

  /** The connection ends, or the caller does. */
  leave(): void {
    this.left.abort();
  }

  async read(requests: AsyncIterator<AttachRequest>): Promise<void> {
    this.attached = true;
    for (let next = await requests.next(); !next.done; next = await requests.next()) {
      const { message } = next.value;
      const output = message?.$case === 'output' ? message.value.output : undefined;
      if (output?.$case === 'stdout') this.#printed.push(output.value);
      else if (output?.$case === 'stderr') this.#errors.push(output.value);
      else if (output?.$case === 'exit') this.exit = output.value;
      await this.take();
    }
    this.input.end();
  }
}

class Outbox {
  readonly #messages: Message[] = [];
  #error: Error | undefined;
  #wake = () => {};

  push(message: Message): void {
    this.#messages.push(message);
    this.#wake();
  }

  fail(error: Error): void {
    this.#error ??= error;
    this.#wake();
  }

  async *messages(): AsyncGenerator<ConnectResponse> {
    for (;;) {
      if (this.#error) throw this.#error;
      const message = this.#messages.shift();
      if (message) yield { message };
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function uidOf(task: Task): string {
  return task.instance?.metadata?.uid ?? '';
}
