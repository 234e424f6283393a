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
import { BadCommand, ContainerGone, ImageMissing, PortTaken, VolumeInUse } from '../agent/driver-errors';
import type { CheckResult, Host, NetworkCheck } from '../agent/host';
import { labels } from '../agent/labels';
import type { CommandTerminal } from '../agent/terminal/command-terminal';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { FakeCalls, type Verb } from './fake-driver-calls';
import { answerOf, begin, codeOf, exitOf } from './fake-driver-commands';
import { type FakeContainer, owns, shortName, viewOf } from './fake-driver-container';
import { FakeContainers } from './fake-driver-containers';
import { FakeEvents } from './fake-driver-events';
import { logsOf } from './fake-driver-logs';
import { FakeTerminal } from './fake-terminal';

export { failures } from './fake-driver-calls';

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
  readonly #info: Partial<EngineInfo>;
  readonly #calls: FakeCalls;
  readonly #containers: FakeContainers;
  readonly #events: FakeEvents;
  readonly #volumes = new Set<string>();
  readonly #images: Set<string> | undefined;
  readonly #registry: Set<string>;
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

  constructor({ clock, latencyMs, info = {}, images, registry }: FakeDriverOptions) {
    this.#clock = clock;
    this.#info = info;
    this.#calls = new FakeCalls(clock, latencyMs);
    this.#containers = new FakeContainers(clock, (container, action) => this.#emit(container, action));
    this.#events = new FakeEvents(clock);
    this.#images = images && new Set(images);
    this.#registry = new Set(registry);
  }

  /** The machine that the engine runs on. */
  readonly host: Host = {
    portFree: async (port) => !this.#containers.portInUse(port),
    check: async (check, address, port) => this.#check(check, address, port),
  };

  // What a test does to it.

  /** The next calls of the verb fail; with `done`, although they do what they were asked. */
  fail(verb: Verb, error: () => Error, options: { times?: number; done?: boolean } = {}): void {
    this.#calls.fail(verb, error, options);
  }

  /** The engine ends or comes back. Containers run on without it, unless `killing`. */
  setUp(up: boolean, options: { killing?: boolean } = {}): void {
    this.#calls.up = up;
    if (up) return;
    this.#events.drop();
    if (!options.killing) return;
    for (const container of this.#containers.running) this.#containers.exit(container, 137);
  }

  /** A container's process ends by itself. */
  exit(id: string, exitCode = 1, options: { outOfMemory?: boolean } = {}): void {
    const container = this.#containers.find(id);
    container.outOfMemory = options.outOfMemory ?? false;
    this.#containers.exit(container, exitCode);
  }

  /** Somebody removes a container by force. */
  vanish(id: string): void {
    this.#containers.remove(this.#containers.find(id));
  }

  /** A container prints a line. */
  print(id: string, line: string, stream: LogEntry['stream'] = 'stdout'): void {
    this.#containers.print(this.#containers.find(id), line, stream);
  }

  /** A container ignores SIGTERM. */
  setStubborn(id: string): void {
    this.#containers.find(id).stubborn = true;
  }

  /** The image is deleted. */
  removeImage(image: string): void {
    this.#images?.delete(image);
  }

  /** Ports that something else on the host has. */
  get takenPorts(): Set<number> {
    return this.#containers.takenPorts;
  }

  get containers(): readonly (Container & { readonly spec: ContainerSpec })[] {
    return this.#containers.all;
  }

  get volumes(): readonly string[] {
    return [...this.#volumes];
  }

  get running(): readonly (Container & { readonly spec: ContainerSpec })[] {
    return this.#containers.running;
  }

  /** The terminals of commands that were begun beside a container's own, oldest first. */
  readonly opened: FakeTerminal[] = [];

  /** Of whoever is attached to the container's own command. */
  terminal(id: string): FakeTerminal | undefined {
    return this.#containers.find(id).terminal;
  }

  // The contract.

  async info(signal?: AbortSignal): Promise<EngineInfo> {
    return this.#calls.run('info', signal, () => ({
      version: 'fake',
      cpuMillis: 4000,
      memoryBytes: 8 * 1024 ** 3,
      ...this.#info,
    }));
  }

  async list(owner: Owner, signal?: AbortSignal): Promise<readonly Container[]> {
    return this.#calls.run('list', signal, () =>
      this.#containers.all.filter((container) => owns(owner, container)).map(viewOf),
    );
  }

  async inspect(id: string, signal?: AbortSignal): Promise<Container | undefined> {
    return this.#calls.run('inspect', signal, () => {
      const container = this.#containers.get(id);
      return container && viewOf(container);
    });
  }

  async pull(image: string, signal?: AbortSignal): Promise<void> {
    await this.#calls.run('pull', signal, () => {
      if (!this.#registry.has(image)) throw new ImageMissing(`manifest for ${image} not found`);
      this.#images?.add(image);
      this.calls.push(`pull ${image}`);
    });
  }

  async create(spec: ContainerSpec, signal?: AbortSignal): Promise<{ id: string; existed: boolean }> {
    return this.#calls.run('create', signal, () => {
      const existing = this.#containers.get(spec.name);
      if (existing) return { id: existing.id, existed: true };
      if (this.#images && !this.#images.has(spec.image)) {
        throw new ImageMissing(
          `the image ${spec.image} is not on this executor: gilliam deploy makes a new one`,
        );
      }
      const created = this.#containers.create(spec);
      this.calls.push(`create ${shortName(created)}`);
      return { id: created.id, existed: false };
    });
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    await this.#calls.run('start', signal, () => {
      const container = this.#containers.find(id);
      if (container.state === 'running') return;
      const { command, ports } = container.spec;
      this.#checkProgram(command);
      for (const { hostPort } of ports) {
        if (this.#containers.portInUse(hostPort)) {
          throw new PortTaken(`host port ${hostPort} is taken by something else`, hostPort);
        }
      }
      this.#containers.start(container, this.reusesAddresses);
      this.calls.push(`start ${shortName(container)}`);
      this.#emit(container, 'started');
      if (container.terminal) begin(container.terminal, command);
      const exit = exitOf(command);
      if (exit !== undefined) this.#containers.exit(container, exit);
      else if (container.terminal) {
        const { terminal } = container;
        void terminal
          .exit(new AbortController().signal)
          .then((code) => this.#containers.exit(container, code));
      }
    });
  }

  async stop(id: string, graceMs: number, signal?: AbortSignal): Promise<void> {
    const container = await this.#calls.run('stop', signal, () => {
      const found = this.#containers.get(id);
      this.calls.push(`stop ${found?.labels[labels.name] ?? id}`);
      return found;
    });
    if (container?.state !== 'running') return;
    if (container.stubborn) await sleep(this.#clock, graceMs, signal);
    // It may have ended by itself meanwhile.
    this.#containers.exit(container, container.stubborn ? 137 : 143);
  }

  async remove(id: string, signal?: AbortSignal): Promise<void> {
    await this.#calls.run('remove', signal, () => {
      const container = this.#containers.get(id);
      if (!container) return;
      this.calls.push(`remove ${shortName(container)}`);
      this.#containers.remove(container);
    });
  }

  async createVolume({ name }: Parameters<Driver['createVolume']>[0], signal?: AbortSignal): Promise<void> {
    await this.#calls.run('createVolume', signal, () => {
      if (this.#volumes.has(name)) return;
      this.#volumes.add(name);
      this.calls.push(`create volume ${name}`);
    });
  }

  async removeVolume(name: string, signal?: AbortSignal): Promise<void> {
    await this.#calls.run('removeVolume', signal, () => {
      const holder = this.#containers.all.find(({ spec }) =>
        spec.volumes?.some((volume) => volume.name === name),
      );
      if (holder) throw new VolumeInUse(`volume ${name} is in use by ${holder.name}`);
      if (this.#volumes.delete(name)) this.calls.push(`remove volume ${name}`);
    });
  }

  async events(owner: Owner, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>> {
    return this.#calls.run('events', signal, () => this.#subscribe(owner, signal));
  }

  async *logs(id: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<readonly LogEntry[]> {
    this.#calls.checkUp();
    yield* logsOf(this.#containers.find(id), options, this.#clock, signal);
  }

  async exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<ExecResult> {
    return this.#calls.run('exec', signal, () => {
      const container = this.#containers.find(id);
      if (container.state !== 'running') throw new ContainerGone(`container ${id} is not running`);
      return answerOf(command, container.spec, this.health.get(container.id) ?? true);
    });
  }

  async attach(
    id: string,
    _options: { readonly tty: boolean },
    signal?: AbortSignal,
  ): Promise<CommandTerminal> {
    return this.#calls.run('attach', signal, () => {
      const container = this.#containers.find(id);
      const terminal = new FakeTerminal({
        onSignal: (name) => {
          if (['SIGINT', 'SIGTERM', 'SIGKILL', 'SIGHUP'].includes(name)) {
            this.#containers.exit(container, codeOf(name));
          }
        },
      });
      container.terminal = terminal;
      return terminal;
    });
  }

  async open(id: string, { command, size }: CommandSpec, signal?: AbortSignal): Promise<CommandTerminal> {
    return this.#calls.run('open', signal, () => {
      const container = this.#containers.find(id);
      if (container.state !== 'running') throw new ContainerGone(`container ${id} is not running`);
      this.#checkProgram(command);
      const terminal = new FakeTerminal({
        onSignal: (name) => terminal.finish(codeOf(name)),
      });
      if (size) terminal.sizes.push(size);
      this.opened.push(terminal);
      begin(terminal, command);
      return terminal;
    });
  }

  #checkProgram([program = '']: readonly string[]): void {
    if (!this.badCommands.has(program)) return;
    throw new BadCommand(`exec: "${program}": executable file not found in $PATH`);
  }

  #check(check: NetworkCheck, address: string, port: number): CheckResult {
    const container = this.running.find((one) => one.address === address);
    const ok = container !== undefined && (this.health.get(container.id) ?? true);
    const what = check.$case === 'http' ? `GET ${check.value.path} on port ${port}` : `port ${port}`;
    return { ok, detail: `${what} ${ok ? 'answered' : 'refused the connection'}` };
  }

  #emit(container: FakeContainer, action: ContainerEvent['action']): void {
    for (const listener of container.changed) listener();
    if (this.muted || !this.#calls.up) return;
    const { id, exitCode } = container;
    const uid = container.labels[labels.instance] ?? '';
    this.#events.emit({
      id,
      uid,
      action,
      ...(action === 'exited' && exitCode !== undefined && { exitCode }),
    });
  }

  /** Of one that is gone already nobody can say whose it was: all are told. */
  #subscribe(owner: Owner, signal: AbortSignal): AsyncIterable<ContainerEvent> {
    const isWanted = ({ id }: ContainerEvent): boolean => {
      const container = this.#containers.get(id);
      return container === undefined || owns(owner, container);
    };
    return this.#events.subscribe(isWanted, signal);
  }
}
