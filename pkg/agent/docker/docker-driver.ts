import type { Duplex, Readable } from 'node:stream';
import Docker from 'dockerode';
import type { Clock } from '../../base/clock';
import { deadline } from '../../base/clock';
import type { ContainerSpec } from '../container-spec';
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
} from '../driver';
import { ImageMissing, PullFailed } from '../driver-errors';
import { labels } from '../labels';
import { Limiter } from '../limiter';
import type { CommandTerminal } from '../terminal/command-terminal';
import { readOutput } from './command-output';
import { containerConfig } from './container-config';
import { ContainerLinks } from './container-links';
import { containerView } from './container-view';
import { driverError, statusOf } from './docker-errors';
import type { Verb } from './docker-errors';
import { asShell, containerControl, dockerTerminal, execControl } from './docker-terminal';
import { EngineAgent } from './engine-agent';
import { readEvents } from './engine-events';
import { infoOf } from './engine-info';
import { LogDemux } from './log-demux';
import { chunksOf, jsonLines } from './streams';

/** How long the engine may take. A start waits for others that are under way. */
const limitMs = { quick: 10_000, info: 2_000, create: 60_000, start: 60_000, beyondGrace: 30_000 } as const;
const pullSilenceMs = 120_000;

export interface DockerDriverOptions {
  readonly clock: Clock;
  /** Default: that of DOCKER_HOST, else /var/run/docker.sock. */
  readonly socketPath?: string;
}

/** The Docker Engine, by its HTTP API: a thin adapter that knows calls and errors, and decides nothing. */
export class DockerDriver implements Driver {
  readonly #clock: Clock;
  readonly #docker: Docker;
  readonly #agent = new EngineAgent();
  readonly #inspections = new Limiter(8);
  readonly #links = new ContainerLinks();

  constructor(options: DockerDriverOptions) {
    this.#clock = options.clock;
    // The types do not know of the agent, which docker-modem hands to each request.
    const dockerOptions = { socketPath: options.socketPath, agent: this.#agent };
    if (options.socketPath === undefined) delete dockerOptions.socketPath;
    this.#docker = new Docker(dockerOptions);
  }

  /** Lets go of its connections. */
  close(): void {
    this.#agent.destroy();
  }

  info(signal?: AbortSignal): Promise<EngineInfo> {
    return this.#call('info', limitMs.info, signal, async (abortSignal) => {
      const info = await infoOf(this.#docker, abortSignal);
      return { version: info.ServerVersion, cpuMillis: info.NCPU * 1000, memoryBytes: info.MemTotal };
    });
  }

  async list(owner: Owner, signal?: AbortSignal): Promise<readonly Container[]> {
    const found = await this.#call('list', limitMs.quick, signal, (abortSignal) =>
      this.#docker.listContainers({ all: true, filters: { label: ownerLabels(owner) }, abortSignal }),
    );
    const containers = await Promise.all(
      found.map(({ Id }) => this.#inspections.run(() => this.inspect(Id, signal))),
    );
    return containers.filter((container) => container !== undefined);
  }

  async inspect(id: string, signal?: AbortSignal): Promise<Container | undefined> {
    const info = await this.#call('inspect', limitMs.quick, signal, (abortSignal) =>
      unless(404, this.#docker.getContainer(id).inspect({ abortSignal })),
    );
    if (!info) return undefined;
    const view = containerView(info);
    return view.state === 'running' ? this.#links.complete(view, info.State.Pid) : view;
  }

  async pull(image: string, signal?: AbortSignal): Promise<void> {
    await this.#guard('pull', signal, async () => {
      const stream = (await this.#docker.pull(image, { abortSignal: signal })) as unknown as Readable;
      // A registry may be slow, but not silent.
      const silence = new AbortController();
      let timer = this.#clock.after(pullSilenceMs, () => silence.abort());
      const either = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
      try {
        for await (const line of jsonLines(chunksOf(stream, either))) {
          timer.dispose();
          timer = this.#clock.after(pullSilenceMs, () => silence.abort());
          const { error } = line as { error?: string };
          if (error) throw pullError(error);
        }
        if (silence.signal.aborted)
          throw new PullFailed(`the registry sent nothing for ${pullSilenceMs / 1000} s`);
        signal?.throwIfAborted();
      } finally {
        timer.dispose();
      }
    });
  }

  create(spec: ContainerSpec, signal?: AbortSignal): Promise<{ id: string; existed: boolean }> {
    return this.#call('create', limitMs.create, signal, async (abortSignal) => {
      try {
        const { id } = await this.#docker.createContainer(request(spec, abortSignal));
        return { id, existed: false };
      } catch (error) {
        const existing = statusOf(error) === 409 ? await this.inspect(spec.name, abortSignal) : undefined;
        // Without one it was removed in between, or the conflict is another.
        if (!existing) throw error;
        return { id: existing.id, existed: true };
      }
    });
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    await this.#call('start', limitMs.start, signal, (abortSignal) =>
      unless(304, this.#docker.getContainer(id).start({ abortSignal })),
    );
  }

  async stop(id: string, graceMs: number, signal?: AbortSignal): Promise<void> {
    await this.#call('stop', graceMs + limitMs.beyondGrace, signal, (abortSignal) =>
      unless(
        304,
        unless(404, this.#docker.getContainer(id).stop({ t: Math.ceil(graceMs / 1000), abortSignal })),
      ),
    );
  }

  async remove(id: string, signal?: AbortSignal): Promise<void> {
    await this.#call('remove', limitMs.create, signal, (abortSignal) =>
      unless(404, this.#docker.getContainer(id).remove({ force: true, v: true, abortSignal })),
    ).catch((error: unknown) => {
      // Somebody else is removing it.
      if (statusOf((error as Error).cause) !== 409) throw error;
    });
  }

  async createVolume(
    { name, labels: own }: Parameters<Driver['createVolume']>[0],
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#call('volume', limitMs.create, signal, (abortSignal) =>
      this.#docker.createVolume({ Name: name, Labels: { ...own }, abortSignal }),
    );
  }

  async removeVolume(name: string, signal?: AbortSignal): Promise<void> {
    await this.#call('volume', limitMs.create, signal, (abortSignal) =>
      unless(404, this.#docker.getVolume(name).remove({ abortSignal })),
    );
  }

  async events(owner: Owner, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>> {
    const stream = await this.#guard('list', signal, async () => {
      return (await this.#docker.getEvents({
        filters: { type: ['container'], label: ownerLabels(owner), event: ['start', 'die', 'destroy'] },
        abortSignal: signal,
      } as Docker.GetEventsOptions)) as Readable;
    });
    return readEvents(stream, signal);
  }

  async *logs(id: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<readonly LogEntry[]> {
    const demux = new LogDemux();
    const stream = await this.#guard('logs', signal, () => this.#openLogs(id, options, signal));
    try {
      for await (const chunk of chunksOf(stream, signal)) {
        const entries = demux.push(chunk);
        if (entries.length > 0) yield entries;
      }
      const rest = demux.end();
      if (rest.length > 0) yield rest;
    } catch (error) {
      throw driverError('logs', error);
    }
  }

  exec(id: string, command: readonly string[], signal?: AbortSignal): Promise<ExecResult> {
    return this.#guard('exec', signal, async () => {
      const exec = await this.#docker
        .getContainer(id)
        .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, abortSignal: signal });
      const stream = await exec.start({ hijack: true, stdin: false, abortSignal: signal });
      const output = await readOutput(chunksOf(stream, signal ?? new AbortController().signal));
      signal?.throwIfAborted();
      const { ExitCode } = await exec.inspect({ abortSignal: signal });
      return { exitCode: ExitCode ?? -1, output };
    });
  }

  attach(id: string, { tty }: { readonly tty: boolean }, signal?: AbortSignal): Promise<CommandTerminal> {
    return this.#call('exec', limitMs.quick, signal, async () => {
      const container = this.#docker.getContainer(id);
      const stream = await container.attach({
        ...{ stream: true, stdin: true, stdout: true, stderr: true },
        hijack: true,
      });
      return asShell(dockerTerminal(stream as Duplex, tty, containerControl(container)));
    });
  }

  open(id: string, { command, tty, size }: CommandSpec, signal?: AbortSignal): Promise<CommandTerminal> {
    return this.#call('exec', limitMs.start, signal, async (abortSignal) => {
      const streams = { AttachStdin: true, AttachStdout: true, AttachStderr: true };
      const exec = await this.#docker
        .getContainer(id)
        .exec({ ...streams, Cmd: [...command], Tty: tty, abortSignal });
      const control = execControl(exec, this.#clock);
      const start = { hijack: true, stdin: true, Tty: tty, abortSignal };
      const stream = await exec.start(start).catch(async (error: unknown) => {
        // It may have begun all the same, and nobody would ever end it.
        await control.signal('SIGKILL').catch(() => {});
        throw error;
      });
      if (tty && size) await control.resize(size);
      return asShell(dockerTerminal(stream, tty, control), command[0]);
    });
  }

  /** dockerode gives logs that are not followed as one string; this gives all of them as a stream. */
  #openLogs(id: string, options: LogOptions, signal: AbortSignal): Promise<Readable> {
    const query = {
      follow: options.follow,
      stdout: true,
      stderr: true,
      timestamps: true,
      tail: options.tailLines ?? 'all',
      since: options.sinceNs === undefined ? 0 : secondsOf(options.sinceNs),
    };
    return new Promise((resolve, reject) => {
      this.#docker.modem.dial(
        {
          path: `/containers/${encodeURIComponent(id)}/logs?`,
          method: 'GET',
          isStream: true,
          options: query,
          abortSignal: signal,
          statusCodes: { 200: true, 404: 'no such container', 409: 'conflict', 500: 'server error' },
        },
        (error: Error | null, stream: unknown) => (error ? reject(error) : resolve(stream as Readable)),
      );
    });
  }

  async #call<T>(
    verb: Verb,
    ms: number,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const limit = deadline(this.#clock, ms, signal);
    try {
      return await this.#guard(verb, signal, () => work(limit.signal));
    } finally {
      limit.dispose();
    }
  }

  async #guard<T>(verb: Verb, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    try {
      signal?.throwIfAborted();
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw driverError(verb, error);
    }
  }
}

function ownerLabels(owner: Owner): string[] {
  return [`${labels.stage}=${owner.key}`, `${labels.executor}=${owner.executor}`];
}

/** What is already so is no error. */
async function unless<T>(status: number, call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (statusOf(error) === status) return undefined;
    throw error;
  }
}

/**
 * Name and body apart: what is given to dockerode as one goes into the URL, too, where an environment is neither safe
 * nor short enough.
 */
function request(spec: ContainerSpec, abortSignal: AbortSignal): Docker.ContainerCreateOptions {
  const { name, ...body } = containerConfig(spec);
  return { _query: { name }, _body: body, abortSignal } as Docker.ContainerCreateOptions;
}

function pullError(message: string): Error {
  return /manifest unknown|not found|does not exist/i.test(message)
    ? new ImageMissing(message)
    : new PullFailed(message);
}

/** The engine takes seconds with a fraction. */
function secondsOf(ns: bigint): string {
  return `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, '0')}`;
}
