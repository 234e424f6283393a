import { Agent } from '../../agent/agent';
import type { Connect } from '../../agent/transport';
import type { Clock } from '../../base/clock';
import { UnavailableError } from '../../base/errors';
import type { Logger } from '../../base/log';
import type { InstanceReport } from '../../gen/gilliam/v1/session_service';
import { ConnectRequest, ConnectResponse } from '../../gen/gilliam/v1/session_service';
import { FakeDriver } from '../fake-driver';
import { FakeNetwork } from '../fake-network';
import type { Connection } from './connection';
import { daemonPort } from './daemon-port';
import { enginePort } from './engine-port';
import type { EngineCall } from './engine-port';
import type { Sabotage } from './sabotage';
import type { SimProcess } from './sim-process';

export interface MachineOptions {
  readonly name: string;
  readonly time: Clock;
  readonly log: Logger;
  /** What is broken in its agent on purpose. */
  readonly sabotage?: Sabotage;
  /** A new process on this machine. */
  readonly newProcess: () => SimProcess;
  /** A new stream to one of the control planes; rejects when there is none. */
  readonly dial: (process: SimProcess) => Promise<Connection>;
  /** Told of what the agent asks of the engine, as it arrives there. */
  readonly onCall: (machine: Machine, call: EngineCall) => void;
  /** Told that it has the engine delete a volume. */
  readonly onRemoveVolume: (machine: Machine, name: string) => void;
  /** Told that the agent takes back what it has announced: `shop/web.1`. */
  readonly onWithdraw: (machine: Machine, name: string) => void;
  /** Told of what the agent knows now to be written down. */
  readonly onAcknowledged: (reports: readonly InstanceReport[]) => void;
}

/** A drain that met a silent daemon is over after so long. */
const calmAfterMs = 30_000;

/** One executor: its container engine and its network daemon, which outlive its agent, and the agent itself. */
export class Machine {
  readonly engine: FakeDriver;
  readonly daemon: FakeNetwork;
  readonly #options: MachineOptions;
  #process: SimProcess | undefined;
  #powered = true;
  #engineUp = true;
  #disturbedMs = -Infinity;

  constructor(options: MachineOptions) {
    this.#options = options;
    const { time } = options;
    this.engine = new FakeDriver({
      clock: time,
      latencyMs: { create: 40, start: 30, stop: 20, remove: 10 },
    });
    this.engine.badCommands.add('missing');
    this.daemon = new FakeNetwork(time);
    this.daemon.followers.set(`${options.name}/proxy`, 30);
    this.daemon.followers.set('router/haproxy', 120);
  }

  get name(): string {
    return this.#options.name;
  }

  get powered(): boolean {
    return this.#powered;
  }

  /** Its engine can start containers. */
  get sound(): boolean {
    return this.#powered && this.#engineUp;
  }

  /** Its network daemon has been well for so long that nothing of before is still waited for. */
  get calm(): boolean {
    return this.#options.time.monotonic() - this.#disturbedMs > calmAfterMs;
  }

  /** The network daemon ends, hangs, or is well again: `restarted` with nothing that it knew. */
  setDaemon(condition: 'down' | 'hanging' | 'up' | 'restarted'): void {
    this.#disturbedMs =
      condition === 'up' || condition === 'restarted' ? this.#options.time.monotonic() : Infinity;
    if (condition === 'restarted') this.daemon.restart();
    else this.daemon.set(condition);
  }

  setEngine(up: boolean): void {
    this.#engineUp = up;
    this.engine.setUp(up && this.#powered);
  }

  /** The agent's process, while it runs. */
  get process(): SimProcess | undefined {
    return this.#process?.alive ? this.#process : undefined;
  }

  /** Starts the agent, unless it runs. */
  startAgent(): void {
    if (this.process || !this.#powered) return;
    const { name, newProcess, log, sabotage } = this.#options;
    const process = newProcess();
    this.#process = process;
    const port = enginePort(this.engine, process, {
      onCall: (call) => this.#options.onCall(this, call),
      onRemoveVolume: (volume) => this.#options.onRemoveVolume(this, volume),
    });
    const network = daemonPort(this.daemon, process, (key) => this.#options.onWithdraw(this, key));
    const agent = new Agent({
      driver: sabotage?.driver?.(port.driver, name) ?? port.driver,
      host: port.host,
      network: sabotage?.network?.(network) ?? network,
      connect: this.#connect(process),
      clock: process.clock,
      random: process.random,
      log,
      config: {
        ...{ stage: 'simulated', name, host: name, version: '0', domain: 'here' },
        capacity: { cpuMillis: 16_000, memoryBytes: 64n * 2n ** 30n },
      },
    });
    void agent.run(new AbortController().signal);
  }

  killAgent(): void {
    this.#process?.kill();
  }

  /** Everything on it ends at once. */
  powerOff(): void {
    this.#powered = false;
    this.killAgent();
    this.engine.setUp(false, { killing: true });
    this.setDaemon('down');
  }

  /** It comes back as it was; its containers are there and do not run. */
  powerOn(): void {
    if (this.#powered) return;
    this.#powered = true;
    this.setEngine(this.#engineUp);
    this.setDaemon('restarted');
    this.startAgent();
  }

  #connect(process: SimProcess): Connect {
    const unsupported = () => new UnavailableError('the simulator has no logs and no terminals');
    const heard = this.#options.sabotage?.responses ?? ((responses) => responses);
    return () => ({
      session: (requests, signal) => heard(this.#session(process, requests, signal), this.name),
      sendLogs: () => Promise.reject(unsupported()),
      attach: () => {
        throw unsupported();
      },
      close: () => {},
    });
  }

  async *#session(
    process: SimProcess,
    requests: AsyncIterable<ConnectRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<ConnectResponse> {
    const connection = await this.#options.dial(process);
    const cancel = () => connection.cancel();
    const unacknowledged = new Reports();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      signal.throwIfAborted();
      void send(requests, connection, unacknowledged);
      for (;;) {
        const bytes = await connection.down.next();
        if (!bytes) return;
        const response = ConnectResponse.decode(bytes);
        if (response.message?.$case === 'ack') {
          this.#options.onAcknowledged(unacknowledged.take(response.message.value.sequence));
        }
        yield response;
      }
    } finally {
      signal.removeEventListener('abort', cancel);
      connection.cancel();
    }
  }
}

async function send(
  requests: AsyncIterable<ConnectRequest>,
  { up }: Connection,
  unacknowledged: Reports,
): Promise<void> {
  for await (const request of requests) {
    unacknowledged.add(request);
    up.send(ConnectRequest.encode(request).finish(), request.message?.$case === 'hello');
  }
  up.end();
}

/** What was reported in one session and is not acknowledged yet. */
class Reports {
  #waiting: { readonly sequence: bigint; readonly instances: readonly InstanceReport[] }[] = [];

  add({ message }: ConnectRequest): void {
    if (message?.$case === 'report') this.#waiting.push(message.value);
  }

  take(sequence: bigint): InstanceReport[] {
    const taken = this.#waiting.filter((report) => report.sequence <= sequence);
    this.#waiting = this.#waiting.filter((report) => report.sequence > sequence);
    return taken.flatMap(({ instances }) => instances);
  }
}
