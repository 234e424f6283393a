import { createHash } from 'node:crypto';
import type { ContainerSpec } from '../agent/container-spec';
import type {
  CommandSpec,
  Container,
  ContainerEvent,
  Driver,
  EngineInfo,
  ExecResult,
  LogEntry,
  LogOptions,
  Owner,
} from '../agent/driver';
import {
  BadCommand,
  ContainerGone,
  EngineFault,
  EngineUnavailable,
  ImageMissing,
  PortTaken,
  PullFailed,
  VolumeInUse,
} from '../agent/driver-errors';
import type { CheckResult, Host, NetworkCheck } from '../agent/host';
import { labels } from '../agent/labels';
import type { CommandTerminal } from '../agent/terminal/command-terminal';
import { Waker } from '../agent/waker';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { toDisposable } from '../base/disposable';
import { FakeTerminal } from './fake-terminal';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface FakeContainer extends Mutable<Container> {
  readonly spec: ContainerSpec;
  readonly logs: LogEntry[];
  readonly changed: Set<() => void>;
  /** Of whoever is attached to its command. */
  terminal?: FakeTerminal;
  /** Does not end on SIGTERM. */
  stubborn: boolean;
}

type Verb = Exclude<keyof Driver, 'logs'>;

export interface FakeDriverOptions {
  readonly clock: Clock;
  /** How long the calls take. Default 0. */
  readonly latencyMs?: Partial<Record<Verb, number>>;
  readonly info?: Partial<EngineInfo>;
  /** Images that are there. Default: all. */
  readonly images?: Iterable<string>;
  /** Images that registries have. */
  readonly registry?: Iterable<string>;
}

/**
 * A container engine in memory, for tests, simulated executors and the simulator. It keeps the driver's contract as
 * Docker does (driver-contract.ts runs on both), and can be made to fail in each way that Docker does. A container's
 * command means nothing to it, but for `exit N`, run by a shell, which ends at once, and for commands declared bad.
 */
export class FakeDriver implements Driver {
  readonly #clock: Clock;
  readonly #options: FakeDriverOptions;
  readonly #containers = new Map<string, FakeContainer>();
  readonly #volumes = new Set<string>();
  readonly #subscribers = new Set<(event: ContainerEvent) => void>();
  readonly #dropped = new Set<() => void>();
  readonly #failures: { verb: Verb; error: () => Error; times: number; done: boolean }[] = [];
  readonly #images: Set<string> | undefined;
  readonly #registry: Set<string>;
  #made = 0;
  #started = 0;
  #up = true;
  /** Ports that something else on the host has. */
  readonly takenPorts = new Set<number>();
  /** Programs that no image has. */
  readonly badCommands = new Set<string>();
  /** Events are not delivered: they went missing. */
  muted = false;
  /** A start gives the lowest address that is free, as an engine that is idle does. Default: another one each time. */
  reusesAddresses = false;
  /** What checks over the network and by command answer, by container id. Default healthy. */
  readonly health = new Map<string, boolean>();
  /** All calls that changed something, in order: `create web-1-1`. */
  readonly calls: string[] = [];

  constructor(options: FakeDriverOptions) {
    this.#clock = options.clock;
    this.#options = options;
    this.#images = options.images && new Set(options.images);
    this.#registry = new Set(options.registry);
  }

  /** The machine that the engine runs on. */
  readonly host: Host = {
    portFree: async (port) => !this.#portInUse(port),
    check: async (check, address, port) => this.#check(check, address, port),
  };

  // What a test does to it.

  /** The next calls of the verb fail; with `done`, although they do what they were asked. */
  fail(verb: Verb, error: () => Error, options: { times?: number; done?: boolean } = {}): void {
    this.#failures.push({ verb, error, times: options.times ?? 1, done: options.done ?? false });
  }

  /** The engine ends or comes back. Containers run on without it, unless `killing`. */
  setUp(up: boolean, options: { killing?: boolean } = {}): void {
    this.#up = up;
    if (up) return;
    for (const drop of [...this.#dropped]) drop();
    if (!options.killing) return;
    for (const container of this.#containers.values()) {
      if (container.state === 'running') this.#exit(container, 137);
    }
  }

  /** A container's process ends by itself. */
  exit(id: string, exitCode = 1, options: { outOfMemory?: boolean } = {}): void {
    const container = this.#find(id);
    container.outOfMemory = options.outOfMemory ?? false;
    this.#exit(container, exitCode);
  }

  /** Somebody removes a container by force. */
  vanish(id: string): void {
    this.#remove(this.#find(id));
  }

  /** A container prints a line. */
  print(id: string, line: string, stream: LogEntry['stream'] = 'stdout'): void {
    this.#print(this.#find(id), line, stream);
  }

  /** A container ignores SIGTERM. */
  setStubborn(id: string): void {
    this.#find(id).stubborn = true;
  }

  /** The image is deleted. */
  removeImage(image: string): void {
    this.#images?.delete(image);
  }

  get containers(): readonly (Container & { readonly spec: ContainerSpec })[] {
    return [...this.#containers.values()];
  }

  get volumes(): readonly string[] {
    return [...this.#volumes];
  }

  get running(): readonly (Container & { readonly spec: ContainerSpec })[] {
    return this.containers.filter(({ state }) => state === 'running');
  }

  /** The terminals of commands that were begun beside a container's own, oldest first. */
  readonly opened: FakeTerminal[] = [];

  /** Of whoever is attached to the container's own command. */
  terminal(id: string): FakeTerminal | undefined {
    return this.#find(id).terminal;
  }

  // The contract.

  async info(signal?: AbortSignal): Promise<EngineInfo> {
    return this.#call('info', signal, () => ({
      version: 'fake',
      cpuMillis: 4000,
      memoryBytes: 8 * 1024 ** 3,
      ...this.#options.info,
    }));
  }

  async list(owner: Owner, signal?: AbortSignal): Promise<readonly Container[]> {
    return this.#call('list', signal, () =>
      [...this.#containers.values()].filter((container) => owns(owner, container)).map(copy),
    );
  }

  async inspect(id: string, signal?: AbortSignal): Promise<Container | undefined> {
    return this.#call('inspect', signal, () => {
      const container = this.#get(id);
      return container && copy(container);
    });
  }

  async pull(image: string, signal?: AbortSignal): Promise<void> {
    await this.#call('pull', signal, () => {
      if (!this.#registry.has(image)) throw new ImageMissing(`manifest for ${image} not found`);
      this.#images?.add(image);
      this.calls.push(`pull ${image}`);
    });
  }

  async create(spec: ContainerSpec, signal?: AbortSignal): Promise<{ id: string; existed: boolean }> {
    return this.#call('create', signal, () => {
      const existing = this.#get(spec.name);
      if (existing) return { id: existing.id, existed: true };
      if (this.#images && !this.#images.has(spec.image)) {
        throw new ImageMissing(
          `the image ${spec.image} is not on this executor: gilliam deploy makes a new one`,
        );
      }
      const id = createHash('sha256').update(`${spec.name}/${++this.#made}`).digest('hex');
      this.#containers.set(id, {
        id,
        spec,
        name: spec.name,
        labels: spec.labels,
        state: 'created',
        ports: spec.ports,
        logs: [],
        changed: new Set(),
        stubborn: false,
        outOfMemory: false,
      });
      this.calls.push(`create ${spec.labels[labels.name] ?? spec.name}`);
      return { id, existed: false };
    });
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    await this.#call('start', signal, () => {
      const container = this.#find(id);
      if (container.state === 'running') return;
      const { command, ports } = container.spec;
      if (this.badCommands.has(command[0] ?? '')) {
        throw new BadCommand(`exec: "${command[0]}": executable file not found in $PATH`);
      }
      for (const { hostPort } of ports) {
        if (this.#portInUse(hostPort)) {
          throw new PortTaken(`host port ${hostPort} is taken by something else`, hostPort);
        }
      }
      container.state = 'running';
      container.startedMs = this.#clock.now();
      // Another one with each start, as an engine that is busy gives them.
      this.#started++;
      container.address = this.#freeAddress();
      container.link = 100 + this.#started;
      container.exitCode = undefined;
      this.calls.push(`start ${container.labels[labels.name] ?? container.name}`);
      this.#emit(container, 'started');
      if (container.terminal) begin(container.terminal, command);
      const exit = /^exit (\d+)$/.exec(command.at(-1) ?? '');
      if (exit) this.#exit(container, Number(exit[1]));
      else if (container.terminal) {
        const { terminal } = container;
        void terminal.exit(new AbortController().signal).then((code) => this.#exit(container, code));
      }
    });
  }

  async stop(id: string, graceMs: number, signal?: AbortSignal): Promise<void> {
    const container = await this.#call('stop', signal, () => {
      const found = this.#get(id);
      this.calls.push(`stop ${found?.labels[labels.name] ?? id}`);
      return found;
    });
    if (container?.state !== 'running') return;
    if (container.stubborn) await sleep(this.#clock, graceMs, signal);
    // It may have ended by itself meanwhile.
    if ((container.state as string) === 'running') this.#exit(container, container.stubborn ? 137 : 143);
  }

  async remove(id: string, signal?: AbortSignal): Promise<void> {
    await this.#call('remove', signal, () => {
      const container = this.#get(id);
      if (!container) return;
      this.calls.push(`remove ${container.labels[labels.name] ?? container.name}`);
      this.#remove(container);
    });
  }

  async createVolume({ name }: Parameters<Driver['createVolume']>[0], signal?: AbortSignal): Promise<void> {
    await this.#call('createVolume', signal, () => {
      if (this.#volumes.has(name)) return;
      this.#volumes.add(name);
      this.calls.push(`create volume ${name}`);
    });
  }

  async removeVolume(name: string, signal?: AbortSignal): Promise<void> {
    await this.#call('removeVolume', signal, () => {
      const holder = [...this.#containers.values()].find(({ spec }) =>
        spec.volumes?.some((volume) => volume.name === name),
      );
      if (holder) throw new VolumeInUse(`volume ${name} is in use by ${holder.name}`);
      if (this.#volumes.delete(name)) this.calls.push(`remove volume ${name}`);
    });
  }

  async events(owner: Owner, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>> {
    return this.#call('events', signal, () => this.#subscribe(owner, signal));
  }

  async *logs(id: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<readonly LogEntry[]> {
    if (!this.#up) throw unavailable();
    const container = this.#find(id);
    const since = container.logs.filter(({ timeNs }) => timeNs >= (options.sinceNs ?? 0n));
    let next = container.logs.length - Math.min(since.length, options.tailLines ?? since.length);
    const waker = new Waker();
    const wake = () => waker.wake();
    container.changed.add(wake);
    try {
      while (!signal.aborted) {
        const entry = container.logs[next];
        if (entry) {
          const entries = container.logs.slice(next);
          next += entries.length;
          yield entries;
        } else if (!options.follow || container.state !== 'running') return;
        else await waker.wait(this.#clock, undefined, signal);
      }
    } finally {
      container.changed.delete(wake);
    }
  }

  async exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<ExecResult> {
    return this.#call('exec', signal, () => {
      const container = this.#find(id);
      if (container.state !== 'running') throw new ContainerGone(`container ${id} is not running`);
      const exit = /^exit (\d+)$/.exec(command.at(-1) ?? '');
      if (command.at(-1)?.includes(resolverFile))
        return { exitCode: 0, output: resolverText(container.spec) };
      const healthy = this.health.get(container.id) ?? true;
      return { exitCode: exit ? Number(exit[1]) : healthy ? 0 : 1, output: '' };
    });
  }

  async attach(
    id: string,
    _options: { readonly tty: boolean },
    signal?: AbortSignal,
  ): Promise<CommandTerminal> {
    return this.#call('attach', signal, () => {
      const container = this.#find(id);
      const terminal = new FakeTerminal({
        onSignal: (name) => {
          if (['SIGINT', 'SIGTERM', 'SIGKILL', 'SIGHUP'].includes(name)) {
            this.#exit(container, name === 'SIGKILL' ? 137 : name === 'SIGINT' ? 130 : 143);
          }
        },
      });
      container.terminal = terminal;
      return terminal;
    });
  }

  async open(id: string, { command, size }: CommandSpec, signal?: AbortSignal): Promise<CommandTerminal> {
    return this.#call('open', signal, () => {
      const container = this.#find(id);
      if (container.state !== 'running') throw new ContainerGone(`container ${id} is not running`);
      if (this.badCommands.has(command[0] ?? '')) {
        throw new BadCommand(`exec: "${command[0]}": executable file not found in $PATH`);
      }
      const terminal = new FakeTerminal({
        onSignal: (name) => terminal.finish(name === 'SIGKILL' ? 137 : name === 'SIGINT' ? 130 : 143),
      });
      if (size) terminal.sizes.push(size);
      this.opened.push(terminal);
      begin(terminal, command);
      return terminal;
    });
  }

  /** Waits as long as the call takes, then fails or does it. */
  async #call<T>(verb: Verb, signal: AbortSignal | undefined, work: () => T): Promise<T> {
    signal?.throwIfAborted();
    if (!this.#up) throw unavailable();
    const latencyMs = this.#options.latencyMs?.[verb] ?? 0;
    if (latencyMs > 0) await sleep(this.#clock, latencyMs, signal);
    else await Promise.resolve();
    if (!this.#up) throw unavailable();
    const failure = this.#failures.find((one) => one.verb === verb && one.times > 0);
    if (!failure) return work();
    failure.times--;
    if (failure.done) work();
    throw failure.error();
  }

  #get(id: string): FakeContainer | undefined {
    return this.#containers.get(id) ?? [...this.#containers.values()].find(({ name }) => name === id);
  }

  #find(id: string): FakeContainer {
    const container = this.#get(id);
    if (!container) throw new ContainerGone(`no such container: ${id}`);
    return container;
  }

  #portInUse(port: number): boolean {
    if (this.takenPorts.has(port)) return true;
    return this.running.some(({ ports }) => ports.some(({ hostPort }) => hostPort === port));
  }

  #freeAddress(): string {
    const taken = new Set(this.running.map(({ address }) => address));
    const at = (index: number) => `10.0.${Math.floor(index / 250) % 250}.${(index % 250) + 2}`;
    let index = this.reusesAddresses ? 1 : this.#started;
    while (this.reusesAddresses && taken.has(at(index))) index++;
    return at(index);
  }

  #check(check: NetworkCheck, address: string, port: number): CheckResult {
    const container = this.running.find((one) => one.address === address);
    const ok = container !== undefined && (this.health.get(container.id) ?? true);
    const what = check.$case === 'http' ? `GET ${check.value.path} on port ${port}` : `port ${port}`;
    return { ok, detail: `${what} ${ok ? 'answered' : 'refused the connection'}` };
  }

  #exit(container: FakeContainer, exitCode: number): void {
    if (container.state !== 'running') return;
    container.state = 'exited';
    container.exitCode = exitCode;
    container.finishedMs = this.#clock.now();
    container.address = undefined;
    container.link = undefined;
    container.terminal?.finish(exitCode);
    this.#emit(container, 'exited');
  }

  #remove(container: FakeContainer): void {
    this.#exit(container, 137);
    this.#containers.delete(container.id);
    this.#emit(container, 'removed');
  }

  #print(container: FakeContainer, line: string, stream: LogEntry['stream']): void {
    const last = container.logs.at(-1)?.timeNs ?? 0n;
    const now = BigInt(Math.round(this.#clock.now() * 1000)) * 1000n;
    container.logs.push({ stream, line: Buffer.from(line), timeNs: now > last ? now : last + 1n });
    for (const listener of container.changed) listener();
  }

  #emit(container: FakeContainer, action: ContainerEvent['action']): void {
    for (const listener of container.changed) listener();
    if (this.muted || !this.#up) return;
    const { id, exitCode } = container;
    const uid = container.labels[labels.instance] ?? '';
    const event = { id, uid, action, ...(action === 'exited' && exitCode !== undefined && { exitCode }) };
    for (const subscriber of this.#subscribers) subscriber(event);
  }

  #subscribe(owner: Owner, signal: AbortSignal): AsyncIterable<ContainerEvent> {
    const queue: ContainerEvent[] = [];
    const waker = new Waker();
    let dropped = false;
    const take = (event: ContainerEvent): void => {
      const container = this.#containers.get(event.id);
      if (container && !owns(owner, container)) return;
      queue.push(event);
      waker.wake();
    };
    const drop = (): void => {
      dropped = true;
      waker.wake();
    };
    this.#subscribers.add(take);
    this.#dropped.add(drop);
    const end = toDisposable(() => {
      this.#subscribers.delete(take);
      this.#dropped.delete(drop);
    });
    signal.addEventListener('abort', () => end.dispose(), { once: true });
    const clock = this.#clock;
    return (async function* () {
      try {
        while (!signal.aborted) {
          const event = queue.shift();
          if (event) yield event;
          else if (dropped) throw unavailable();
          else await waker.wait(clock, undefined, signal);
        }
      } finally {
        end.dispose();
      }
    })();
  }
}

/** `cat` answers with what it is given; `exit N` ends. All else waits for the test. */
function begin(terminal: FakeTerminal, command: readonly string[]): void {
  if (command.at(-1) === 'cat') terminal.echo();
  const exit = /^exit (\d+)$/.exec(command.at(-1) ?? '');
  if (exit) terminal.finish(Number(exit[1]));
}

/** The only file that a container has. */
const resolverFile = '/etc/resolv.conf';

function resolverText({ dns, dnsSearch }: ContainerSpec): string {
  const search = dnsSearch.length > 0 ? [`search ${dnsSearch.join(' ')}`] : [];
  return [...search, ...dns.map((address) => `nameserver ${address}`), ''].join('\n');
}

/** Errors for `fail`. */
export const failures = {
  engine: () => unavailable(),
  fault: () => new EngineFault('no space left on device'),
  pull: () => new PullFailed('dial tcp: connection refused'),
} as const;

function unavailable(): EngineUnavailable {
  return new EngineUnavailable('the container engine does not answer: start it');
}

function owns(owner: Owner, container: Container): boolean {
  return container.labels[labels.stage] === owner.key && container.labels[labels.executor] === owner.executor;
}

function copy(container: FakeContainer): Container {
  const {
    id,
    name,
    labels: own,
    state,
    exitCode,
    outOfMemory,
    startedMs,
    finishedMs,
    address,
    link,
    ports,
  } = container;
  return { id, name, labels: own, state, exitCode, outOfMemory, startedMs, finishedMs, address, link, ports };
}
