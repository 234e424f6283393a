import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PreconditionError, UnavailableError } from '../base/errors';
import { SystemBpftool } from '../kernel/bpftool';
import { readCa } from './api-ca';
import { buildId } from './build-id';
import { apiAddress, apiAddressForOthers, handsOutImages } from './components';
import { readConfig, type StageConfig, type StageRole, writeConfig } from './config';
import { containerBridges } from './container-bridges';
import { haproxyProcesses } from './haproxy-processes';
import type { Invitation } from './invitation';
import { kernelRanges } from './kernel-ranges';
import { logPath } from './log-files';
import { checkPorts, decideConfig, defaultBaseImage } from './new-config';
import { Nftables } from './nftables';
import { checkOwnAddress } from './own-address';
import { ownComponents, planUp, type UpPlan, type UpStep } from './plan-up';
import type { RouterPorts } from './ports';
import { writePrivateFile } from './private-file';
import { findRunning, identify, writeProcessRecord } from './process-record';
import { firstIll, remarksOf, stageHealthOf } from './readiness';
import { writeStageFile } from './stage-file';
import { startSupervisor } from './start-supervisor';
import type { StageContext, Step } from './step';
import { stopProcess } from './stop-process';
import { survey, type SurveyInput } from './survey';
import { ensureTokens, readToken } from './tokens';
import { until } from './until';
import { checkProxyAllow, checkRole, isChanged, refuseChange, roleOf, type UpOptions } from './wishes';

const engineDeadlineMs = 60_000;
const readyDeadlineMs = 60_000;

/** Brings up what of a stage is to be on this machine, in steps: each can be done again, and does what is left to do. */
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

  /** Throws PreconditionError when this machine is something else already, or is not reached as it is to be. */
  async check(signal: AbortSignal): Promise<void> {
    checkRole(this.options, this.#config);
    checkProxyAllow(this.context.env.GILLIAM_PROXY_ALLOW);
    const { address } = this.options;
    if (address === undefined) return;
    await checkOwnAddress(address, await containerBridges(this.context.docker, signal));
  }

  /** Looks at the machine. Throws PreconditionError when what is asked for cannot be, or not while the stage is up. */
  async plan(signal: AbortSignal): Promise<UpPlan> {
    const { paths, docker, run, env } = this.context;
    const config = this.#config;
    await this.check(signal);
    const baseImage = env.GILLIAM_BASE_IMAGE || config?.baseImage || defaultBaseImage;
    const input: SurveyInput = { paths, config, baseImage, docker, run, env };
    const found = await survey(input, signal);
    if (config && Object.keys(found.running).length > 0) refuseChange(this.options, config);
    const changed = isChanged({ ...this.options, proxyAllow: env.GILLIAM_PROXY_ALLOW }, config, paths);
    const { role } = this;
    const address = this.options.address ?? config?.address;
    const machine = { role, handsOutImages: handsOutImages({ role, address }), changed };
    this.#plan = planUp({ ...found, ...machine }, this.#build);
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
        title: 'stop what is to be started anew',
        run: (_, signal) => this.#stopOlder(signal),
      },
      'start-engine': { title: 'start the Docker Engine', run: (_, signal) => this.#startEngine(signal) },
      prepare: { title: 'prepare directories, tokens and ports', run: () => this.#prepare(plan) },
      start: { title: 'start the supervisor', run: async () => startSupervisor(this.context, this.#build) },
      'wait-engine': { title: 'wait for the Docker Engine', run: (_, signal) => this.#waitForEngine(signal) },
      'base-image': {
        title: 'have the base image',
        run: (report, signal) => this.#baseImage(report, signal),
      },
      ready: {
        title: this.role === 'stage' ? 'wait until the stage is ready' : 'wait until the executor is ready',
        run: (report, signal) => this.#ready(report, signal),
      },
    };
    return plan.steps.map((step) => all[step]);
  }

  /** What this machine is to the stage. */
  get role(): StageRole {
    return roleOf(this.options, this.#config);
  }

  /** The API's address, for other machines too where they reach it, once the stage is prepared. */
  get api(): string {
    return apiAddressForOthers(this.config) ?? apiAddress(this.config);
  }

  /** Whether other machines may join it, once it is prepared. */
  get isOpen(): boolean {
    return apiAddressForOthers(this.config) !== undefined;
  }

  /** Once it is prepared. */
  get executor(): StageConfig['executor'] {
    return this.config.executor;
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

  /** Containers and etcd stay: the new components find and adopt them. */
  async #stopOlder(signal: AbortSignal): Promise<string> {
    const stopped: string[] = [];
    // The supervisor first, or it would start again what is stopped.
    for (const name of ownComponents(this.role)) {
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
    const { paths, env, run, clock } = this.context;
    const { data, etcd, run: running, logs, images, network, router } = paths;
    for (const directory of [data, etcd, running, logs, images, network, router]) {
      mkdirSync(directory, { recursive: true });
      chmodSync(directory, 0o700);
    }
    const { joining } = this.options;
    if (joining) this.#keep(joining.invitation);
    if (this.role === 'stage') ensureTokens(paths);
    const rangesInUse = async () => [
      ...(await new Nftables(run, env).virtualRanges()),
      ...(await kernelRanges(new SystemBpftool({ clock }))),
    ];
    const wishes = {
      ...this.options,
      joining: joining && { ...joining.invitation, name: joining.name },
      engineOwner: plan.engineOwner,
      rangesInUse,
    };
    const config = await decideConfig(paths, this.#config, wishes, env);
    const runs = (name: string) => findRunning(paths.run, name) !== undefined;
    await checkPorts(config, {
      controlplane: runs('controlplane'),
      network: runs('network'),
      router: runs('router') || haproxyProcesses(paths.router).length > 0,
    });
    if (config.role === 'stage' && config.address !== undefined) await this.#certify(config.address);
    writeConfig(paths.config, config);
    this.#config = config;
    return `data in ${paths.data}, API on ${apiAddress(config)}`;
  }

  /** What the stage has told of itself. */
  #keep({ token, ca }: Invitation): void {
    const { paths } = this.context;
    writePrivateFile(paths.executorToken, `${token}\n`);
    writePrivateFile(paths.tls.ca, ca);
  }

  async #certify(address: string): Promise<void> {
    const { paths, clock } = this.context;
    await loadCertificates().ensureApiCertificate(
      paths.tls,
      { stage: paths.stage, address },
      new Date(clock.now()),
    );
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
    const token = readToken(this.role === 'stage' ? paths.userToken : paths.executorToken);
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
      throw new UnavailableError(
        `not ready within ${readyDeadlineMs / 1000} s: ${why}: see ${paths.logs}; what was started goes on trying`,
      );
    // A machine that has joined has no token for people.
    if (this.role === 'executor') return undefined;
    const ca = readCa(this.config, paths);
    writeStageFile({ stage: paths.stage, api: this.api, token, ca, router: this.routerPorts }, env);
    return undefined;
  }
}

function loadCertificates() {
  // What makes certificates is large: loaded only for stages that have one.
  // eslint-disable-next-line @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports
  return require('./api-certificate') as typeof import('./api-certificate');
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
