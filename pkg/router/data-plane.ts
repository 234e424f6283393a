import { InternalError, PreconditionError, messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { CompiledRoute } from '../routing/types';
import type { Backend } from './backend';
import type { Structure } from './configuration';
import { compileStructure, serviceFile, serviceText } from './configuration';
import { fingerprintOf, Generations } from './generations';
import type { HaproxyProcess } from './haproxy-process';
import { failureIn, planServers, type RunningServers } from './plan';
import type { Server } from './servers';
import { parseServersState } from './servers-state';
import type { Service } from './service-names';
import type { Settings } from './settings';

export interface DataPlaneOptions {
  readonly haproxy: HaproxyProcess;
  readonly settings: Settings;
  readonly log: Logger;
  /** The servers that a backend should have now. */
  readonly serversIn: (backend: Backend) => readonly Server[];
  /** Services whose requests are held while they have no instance. */
  readonly held: () => ReadonlySet<string>;
}

const noServers: RunningServers = new Map();

/**
 * What HAProxy is to do, and has been told. Files are written before the runtime is told, so a reload at any moment
 * takes up what is true. Not for calls that overlap.
 */
export class DataPlane {
  readonly #generations: Generations;
  #structure: Structure | undefined;
  #fingerprint = '';
  /** By backend, as the current worker has it, where it is sure. */
  #running = new Map<string, RunningServers>();
  #sure = false;

  constructor(private readonly options: DataPlaneOptions) {
    this.#generations = new Generations(options.haproxy.directory);
  }

  /** Whether there are files of last time. */
  get hasFiles(): boolean {
    return this.#generations.fingerprint !== undefined;
  }

  /**
   * Starts HAProxy with the files of last time, where it does not run. Answers whether there are such files, and it
   * accepts them: then they are worth to be tried again, whatever has kept it from starting.
   */
  async revive(signal: AbortSignal): Promise<boolean> {
    const { haproxy, log } = this.options;
    if (!this.hasFiles) return false;
    if (haproxy.pid() !== undefined) return true;
    try {
      await haproxy.start(signal);
      return true;
    } catch (error) {
      if (error instanceof PreconditionError) throw error;
      log.warn('HAProxy does not start with the configuration of last time', { error: messageOf(error) });
      return haproxy.accepts();
    }
  }

  /** The backends of a service. */
  backendsOf(service: string): readonly Backend[] {
    return this.#structure?.backends.get(service) ?? [];
  }

  /** Takes up routes, most specific first: reloads where they are others than those that HAProxy has. */
  async takeUp(
    ordered: readonly CompiledRoute[],
    known: readonly Service[],
    signal: AbortSignal,
  ): Promise<void> {
    const { settings, held } = this.options;
    const structure = compileStructure(ordered, known, settings, held());
    const bare = [...structure.backends].map(([name, backends]) => serviceText(backends, () => []) + name);
    const entries = (files: ReadonlyMap<string, string>) => [...files].flat();
    this.#fingerprint = fingerprintOf([
      ...entries(structure.files),
      ...entries(structure.certificates),
      ...bare,
    ]);
    this.#structure = structure;
    await this.#adopt();
    if (this.#sure && this.#generations.fingerprint === this.#fingerprint) {
      await this.update([...structure.backends.keys()]);
    } else await this.#load(signal);
  }

  /** Brings the servers of services up to date, at runtime. */
  async update(services: readonly string[]): Promise<void> {
    const { haproxy, serversIn } = this.options;
    const running = this.#running;
    if (!this.#sure) throw new InternalError('what HAProxy runs is not known');
    const commands: string[] = [];
    const next: [string, RunningServers][] = [];
    for (const service of services) {
      const backends = this.backendsOf(service);
      const wanted = new Map(backends.map((backend) => [backend, serversIn(backend)]));
      const plans = backends.map((backend) => {
        const plan = planServers(
          backend.name,
          running.get(backend.name) ?? noServers,
          wanted.get(backend) ?? [],
        );
        next.push([backend.name, plan.running]);
        return plan.commands;
      });
      if (plans.every((plan) => plan.length === 0)) continue;
      this.#generations.replace(
        serviceFile(service),
        serviceText(backends, (backend) => wanted.get(backend) ?? []),
      );
      commands.push(...plans.flat());
    }
    // Until all answers are there, nobody knows what has been carried out.
    this.#sure = false;
    const failure = failureIn(commands, await haproxy.runtime.send(commands));
    if (failure !== undefined) throw new InternalError(`HAProxy has refused a command: ${failure}`);
    for (const [backend, servers] of next) running.set(backend, servers);
    this.#sure = true;
  }

  /** Whether a server gets requests. */
  serves(backend: string, server: string): boolean {
    const found = this.#running.get(backend)?.get(server);
    return found !== undefined && !found.retired;
  }

  /** Removes retired servers that nothing is connected to any more. Answers whether there are others. */
  async sweep(): Promise<boolean> {
    if (!this.#sure) return true;
    const running = this.#running;
    const retired = [...running].flatMap(([backend, servers]) =>
      [...servers].flatMap(([server, { retired }]) => (retired ? [{ backend, server }] : [])),
    );
    const answers = await this.options.haproxy.runtime.send(
      retired.map(({ backend, server }) => `del server ${backend}/${server}`),
    );
    const gone = retired.filter((_, index) => /deleted|No such server/.test(answers[index] ?? ''));
    for (const { backend, server } of gone) {
      const servers = new Map(running.get(backend));
      servers.delete(server);
      running.set(backend, servers);
    }
    return gone.length < retired.length;
  }

  /** What is running is asked for anew before the next change. */
  doubt(): void {
    this.#sure = false;
  }

  async #adopt(): Promise<void> {
    const { haproxy, log } = this.options;
    if (this.#sure || haproxy.pid() === undefined) return;
    if (this.#generations.fingerprint !== this.#fingerprint) return;
    try {
      this.#running = parseServersState(await haproxy.runtime.ask('show servers state'));
      this.#sure = true;
    } catch (error) {
      log.warn('what HAProxy runs cannot be read: reloading it', { error: messageOf(error) });
    }
  }

  async #load(signal: AbortSignal): Promise<void> {
    const { haproxy, serversIn, log } = this.options;
    const structure = this.#structure as Structure;
    const servers = new Map<string, readonly Server[]>();
    const texts = [...structure.backends].map(([service, backends]): [string, string] => {
      for (const backend of backends) servers.set(backend.name, serversIn(backend));
      return [serviceFile(service), serviceText(backends, ({ name }) => servers.get(name) ?? [])];
    });
    const files = new Map([...structure.files, ...structure.certificates, ...texts]);
    const directory = this.#generations.write(files, this.#fingerprint);
    try {
      await haproxy.check(`${directory}/conf`);
    } catch (error) {
      this.#generations.discard(directory);
      throw error;
    }
    this.#sure = false;
    this.#generations.use(directory);
    if (haproxy.pid() === undefined) await haproxy.start(signal);
    else await haproxy.reload(signal);
    this.#running = new Map(
      [...servers].map(([backend, list]) => [
        backend,
        new Map(list.map(({ name, weight }) => [name, { weight, retired: false }])),
      ]),
    );
    this.#sure = true;
    log.info('HAProxy has taken up routes', { backends: servers.size, services: structure.backends.size });
  }
}
