import { spawn } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, sleep } from '../base/clock';
import { PreconditionError, UnavailableError } from '../base/errors';
import { buildId } from './build-id';
import { apiAddress } from './components';
import { readConfig, type StageConfig, writeConfig } from './config';
import { haproxyProcesses } from './haproxy-processes';
import { logPath, openLog } from './log-files';
import { checkPorts, decideConfig, defaultBaseImage } from './new-config';
import { Nftables } from './nftables';
import { ownComponents, planUp, type UpPlan, type UpStep } from './plan-up';
import type { RouterPorts } from './ports';
import { findRunning, identify, writeProcessRecord } from './process-record';
import { firstIll, remarksOf, stageHealthOf } from './readiness';
import { writeStageFile } from './stage-file';
import type { StageContext, Step } from './step';
import { stopProcess } from './stop-process';
import { survey, type SurveyInput } from './survey';
import { ensureTokens } from './tokens';

export interface UpOptions {
  readonly port?: number;
  readonly httpPort?: number;
  readonly httpsPort?: number;
  readonly hostPortBase?: number;
  readonly host?: string;
}

const engineDeadlineMs = 60_000;
const readyDeadlineMs = 60_000;
const pollMs = 100;

/** Brings a single-machine stage up, in steps: each can be done again, and does what is left to do. */
export class Up {
  readonly #build: string;
  #config: StageConfig | undefined;
  #plan: UpPlan | undefined;
  #remarks: readonly string[] = [];

  constructor(
    private readonly context: StageContext,
    private readonly options: UpOptions,
  ) {
    this.#build = buildId(context.packageRoot, context.version);
    this.#config = readConfig(context.paths.config);
  }

  /** Looks at the machine. Throws PreconditionError when the stage runs with other options than those asked for. */
  async plan(signal: AbortSignal): Promise<UpPlan> {
    const { paths, docker, run, env } = this.context;
    const config = this.#config;
    const baseImage = env.GILLIAM_BASE_IMAGE || config?.baseImage || defaultBaseImage;
    const input: SurveyInput = { paths, config, baseImage, docker, run, env };
    const found = await survey(input, signal);
    if (config && Object.keys(found.running).length > 0) this.#refuseChange(config);
    this.#plan = planUp(found, this.#build);
    return this.#plan;
  }

  /** Installs what is missing, by the script that comes with the package. */
  installStep(): Step {
    const { packageRoot, run, env } = this.context;
    return {
      title: 'install what is missing',
      run: async (report, signal) => {
        const { code, stderr } = await run(
          join(packageRoot, 'hack/setup.sh'),
          [],
          { env, onLine: report },
          signal,
        );
        if (code === 0) return undefined;
        throw new PreconditionError(lastLine(stderr) || `hack/setup.sh failed with exit code ${code}`);
      },
    };
  }

  steps(plan: UpPlan): readonly Step[] {
    const all: Record<UpStep, Step> = {
      'stop-older': {
        title: 'stop what an older build has started',
        run: (_, signal) => this.#stopOlder(signal),
      },
      'start-engine': { title: 'start the Docker Engine', run: (_, signal) => this.#startEngine(signal) },
      prepare: { title: 'prepare directories, tokens and ports', run: () => this.#prepare(plan) },
      start: { title: 'start the supervisor', run: () => this.#start() },
      'wait-engine': { title: 'wait for the Docker Engine', run: (_, signal) => this.#waitForEngine(signal) },
      'base-image': {
        title: 'have the base image',
        run: (report, signal) => this.#baseImage(report, signal),
      },
      ready: { title: 'wait until the stage is ready', run: (report, signal) => this.#ready(report, signal) },
    };
    return plan.steps.map((step) => all[step]);
  }

  /** The API's address, once the stage is prepared. */
  get api(): string {
    return apiAddress(this.config);
  }

  /** Where the router listens, once the stage is prepared. */
  get routerPorts(): RouterPorts | undefined {
    return this.config.network?.routerPorts;
  }

  /** What the stage, which is ready, has to do without: one line each. */
  get remarks(): readonly string[] {
    return this.#remarks;
  }

  private get config(): StageConfig {
    if (!this.#config) throw new Error('not prepared yet');
    return this.#config;
  }

  #refuseChange(config: StageConfig): void {
    const { port, httpPort, httpsPort, hostPortBase, host } = this.options;
    const routerPorts = config.network?.routerPorts;
    const changes = [
      port !== undefined && port !== config.ports.api && '--port',
      httpPort !== undefined && routerPorts && httpPort !== routerPorts.http && '--http-port',
      httpsPort !== undefined && routerPorts && httpsPort !== routerPorts.https && '--https-port',
      hostPortBase !== undefined && hostPortBase !== config.hostPortBase && '--host-port-base',
      host !== undefined && host !== config.executor.host && '--host',
    ].filter((flag) => typeof flag === 'string');
    if (changes.length === 0) return;
    throw new PreconditionError(
      `stage ${config.stage} is up with another ${changes.join(' and ')}: "gilliam down" first, then up with it`,
    );
  }

  /** Containers and etcd stay: the new components find and adopt them. */
  async #stopOlder(signal: AbortSignal): Promise<string> {
    const stopped: string[] = [];
    // The supervisor first, or it would start again what is stopped.
    for (const name of ownComponents) {
      const record = findRunning(this.context.paths.run, name);
      if (!record) continue;
      await stopProcess(record, 10_000, { clock: this.context.clock }, signal);
      stopped.push(name);
    }
    return stopped.join(', ');
  }

  async #startEngine(signal: AbortSignal): Promise<undefined> {
    const { run, env, paths, clock } = this.context;
    const { code, stderr } = await run('systemctl', ['start', 'docker'], { env }, signal);
    if (code !== 0) {
      throw new UnavailableError(
        `systemctl start docker failed: ${lastLine(stderr)}: see "journalctl -u docker"`,
      );
    }
    const { stdout } = await run(
      'systemctl',
      ['show', '--property=MainPID', '--value', 'docker'],
      { env },
      signal,
    );
    const identity = identify(Number(stdout.trim()));
    // That it is this process says, later, that nobody else has started the engine since.
    if (identity) {
      const record = { ...identity, startedAtMs: clock.now(), version: 'systemd', restarts: 0 };
      writeProcessRecord(paths.run, 'dockerd', record);
    }
    return undefined;
  }

  async #prepare(plan: UpPlan): Promise<string> {
    const { paths, env, run } = this.context;
    for (const directory of [paths.data, paths.etcd, paths.run, paths.logs, paths.network, paths.router]) {
      mkdirSync(directory, { recursive: true });
      chmodSync(directory, 0o700);
    }
    ensureTokens(paths);
    const rangesInUse = () => new Nftables(run, env).virtualRanges();
    const wishes = { ...this.options, engineOwner: plan.engineOwner, rangesInUse };
    const config = await decideConfig(paths, this.#config, wishes, env);
    const runs = (name: string) => findRunning(paths.run, name) !== undefined;
    await checkPorts(config, {
      controlplane: runs('controlplane'),
      network: runs('network'),
      router: runs('router') || haproxyProcesses(paths.router).length > 0,
    });
    writeConfig(paths.config, config);
    this.#config = config;
    return `data in ${paths.data}, API on ${apiAddress(config)}`;
  }

  async #start(): Promise<string> {
    const { paths, packageRoot, env, clock } = this.context;
    const running = findRunning(paths.run, 'supervisor');
    if (running) return `it runs, pid ${running.pid}`;
    const log = openLog(paths.logs, 'supervisor');
    try {
      const program = join(packageRoot, 'dist/cmd/supervisor.js');
      const child = spawn(process.execPath, [program, paths.data, this.#build], {
        cwd: paths.data,
        // More certificates cost memory, and none of Gilliam's own connections need them.
        env: { ...env, NODE_EXTRA_CA_CERTS: undefined },
        detached: true,
        stdio: ['ignore', log, log],
      });
      const identity = child.pid === undefined ? undefined : identify(child.pid);
      if (!identity)
        throw new UnavailableError(`the supervisor does not start: see ${logPath(paths.logs, 'supervisor')}`);
      child.unref();
      const record = { ...identity, startedAtMs: clock.now(), version: this.#build, restarts: 0 };
      writeProcessRecord(paths.run, 'supervisor', record);
      return `pid ${identity.pid}`;
    } finally {
      closeSync(log);
    }
  }

  async #waitForEngine(signal: AbortSignal): Promise<string> {
    const { docker, clock, paths } = this.context;
    const engine = await until(clock, engineDeadlineMs, signal, async () => {
      const found = await docker.engine(signal);
      return found.state === 'answers' ? found : undefined;
    });
    if (engine) return `version ${engine.version}`;
    throw new UnavailableError(
      `the Docker Engine does not answer within ${engineDeadlineMs / 1000} s: see ${logPath(paths.logs, 'dockerd')}`,
    );
  }

  async #baseImage(report: (line: string) => void, signal: AbortSignal): Promise<string> {
    const { run, env, packageRoot } = this.context;
    const { baseImage } = this.config;
    const options = { env: { ...env, GILLIAM_BASE_IMAGE: baseImage }, onLine: report };
    const { code, stderr } = await run(join(packageRoot, 'hack/base-image.sh'), [], options, signal);
    if (code === 0) return baseImage;
    throw new UnavailableError(lastLine(stderr) || `hack/base-image.sh failed with exit code ${code}`);
  }

  async #ready(report: (line: string) => void, signal: AbortSignal): Promise<undefined> {
    const { paths, env, clock, connect } = this.context;
    const { user: token } = ensureTokens(paths);
    let why = '';
    const ready = await until(clock, readyDeadlineMs, signal, async () => {
      const health = await stageHealthOf(this.config, { paths, token, connect }, signal);
      const next = firstIll(health);
      this.#remarks = remarksOf(health);
      if (next !== undefined && next !== why) report(next);
      why = next ?? '';
      return next === undefined ? true : undefined;
    });
    if (!ready)
      throw new UnavailableError(`not ready within ${readyDeadlineMs / 1000} s: ${why}: see ${paths.logs}`);
    writeStageFile({ stage: paths.stage, api: this.api, token, router: this.routerPorts }, env);
    return undefined;
  }
}

/** Asks until there is an answer; undefined when there is none in time. */
async function until<T>(
  clock: Clock,
  deadlineMs: number,
  signal: AbortSignal,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const endMs = clock.monotonic() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || clock.monotonic() >= endMs) return answer;
    await sleep(clock, pollMs, signal);
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
