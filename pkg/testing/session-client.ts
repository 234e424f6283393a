import { Pulse } from '../api/pulse';
import { CancelledError } from '../base/errors';
import type { Client } from '../client/client';
import type { InstanceState } from '../gen/gilliam/v1/instance';
import { InstanceStatus } from '../gen/gilliam/v1/instance';
import type {
  ConnectRequest,
  ConnectResponse,
  EventReport,
  Hello,
  InstanceReport,
  LogsWanted,
  RegistryPeer,
  Task,
  TerminalWanted,
} from '../gen/gilliam/v1/session_service';

type Message = NonNullable<ConnectResponse['message']>;

/** The executor's side of a session, by hand: a test says what to send and looks at what came. */
export class SessionClient {
  readonly received: Message[] = [];
  /** What the executor knows, by uid. */
  readonly tasks = new Map<string, Task>();
  readonly logsWanted: LogsWanted[] = [];
  readonly terminalsWanted: TerminalWanted[] = [];
  /** As last told; undefined before. */
  peers: readonly RegistryPeer[] | undefined;
  acknowledged = 0n;
  /** Why the stream ended; undefined while it has not, null when the server ended it well. */
  error: Error | null | undefined;
  readonly #out: ConnectRequest[] = [];
  readonly #pulse = new Pulse();
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #finished = false;
  #sequence = 0n;

  constructor(client: Client, name = 'e1', hello: Partial<Hello> = {}) {
    this.#done = this.#run(client);
    this.send({
      $case: 'hello',
      value: {
        name,
        host: '127.0.0.1',
        domain: 'a',
        tags: { disk: 'ssd' },
        capacity: { cpuMillis: 4000, memoryBytes: 8n * 1024n ** 3n },
        version: '1.2.3',
        registryAddress: '',
        ...hello,
      },
    });
  }

  send(message: NonNullable<ConnectRequest['message']>): void {
    this.#out.push({ message });
    this.#pulse.beat();
  }

  /** Sends a report; its sequence. */
  report(instances: readonly InstanceReport[], events: readonly EventReport[] = []): bigint {
    const sequence = ++this.#sequence;
    this.send({ $case: 'report', value: { sequence, instances: [...instances], events: [...events] } });
    return sequence;
  }

  /** What an executor would say of a task that it has carried out so far. */
  status(task: Task, state: InstanceState, over: Partial<InstanceStatus> = {}): InstanceReport {
    const { formation = '', name = '', uid = '' } = task.instance?.metadata ?? {};
    return {
      formation,
      name,
      uid,
      status: InstanceStatus.fromPartial({ state, host: '127.0.0.1', ...over }),
    };
  }

  /** Ends the stream as an executor that stops does. */
  async finish(): Promise<void> {
    this.#finished = true;
    this.#pulse.beat();
    await this.#done;
  }

  /** Breaks the stream. */
  async abort(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #run(client: Client): Promise<void> {
    try {
      for await (const { message } of client.session.connect(this.#requests(), {
        signal: this.#abort.signal,
      })) {
        if (message) this.#take(message);
      }
      this.error = null;
    } catch (error) {
      this.error = error instanceof CancelledError ? null : (error as Error);
    }
  }

  #take(message: Message): void {
    this.received.push(message);
    if (message.$case === 'ack') this.acknowledged = message.value.sequence;
    else if (message.$case === 'logsWanted') this.logsWanted.push(message.value);
    else if (message.$case === 'terminalWanted') this.terminalsWanted.push(message.value);
    else if (message.$case === 'registryPeers') this.peers = message.value.peers;
    else if (message.$case === 'assignment' || message.$case === 'change') {
      if (message.$case === 'assignment') this.tasks.clear();
      else for (const uid of message.value.forgotten) this.tasks.delete(uid);
      for (const task of message.value.tasks) this.tasks.set(task.instance?.metadata?.uid ?? '', task);
    }
  }

  async *#requests(): AsyncGenerator<ConnectRequest> {
    for (;;) {
      const next = this.#out.shift();
      if (next) yield next;
      else if (this.#finished || this.#abort.signal.aborted) return;
      else await this.#pulse.next(this.#abort.signal);
    }
  }
}
