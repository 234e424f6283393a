import { existsSync, rmSync } from 'node:fs';
import { SystemBpftool } from '../kernel/bpftool';
import { tableName } from '../kernel/table-name';
import { type EngineOwner, readConfig, type StageConfig, stageKey } from './config';
import { haproxyProcesses } from './haproxy-processes';
import { Nftables } from './nftables';
import { type DownStep, planDown } from './plan-down';
import { findRunning } from './process-record';
import { removeStageFile } from './stage-file';
import type { StageContext, Step } from './step';
import { stopProcess } from './stop-process';
import { runningBuilds } from './survey';
import { TranslationPins } from './translation-pins';

export interface DownOptions {
  /** Instances run on, and are adopted by the next `up`. */
  readonly keepInstances: boolean;
  /** Removes the stage's data and images, too. */
  readonly forget: boolean;
}

export interface DownPlan {
  readonly steps: readonly DownStep[];
  /** The engine does not say whether there are instances. */
  readonly unseen: boolean;
}

const graceMs = {
  supervisor: 5_000,
  executor: 10_000,
  router: 10_000,
  haproxy: 5_000,
  network: 10_000,
  controlplane: 10_000,
  images: 10_000,
  etcd: 10_000,
  dockerd: 30_000,
};

/** Takes down what of a stage is on this machine: what it has started, and nothing else. */
export class Down {
  /** The stage's own file is damaged: what it has at the engine and in the kernel cannot be told from others' things. */
  readonly isUnknown: boolean;
  readonly #config: StageConfig | undefined;

  constructor(
    private readonly context: StageContext,
    private readonly options: DownOptions,
  ) {
    this.#config = options.forget ? configIfSound(context.paths.config) : readConfig(context.paths.config);
    this.isUnknown = this.#config === undefined && existsSync(context.paths.config);
  }

  /** Whether the stage is at home here, as far as is known. */
  get isHome(): boolean {
    return this.#config?.role !== 'executor';
  }

  async plan(signal: AbortSignal): Promise<DownPlan> {
    const { paths, docker } = this.context;
    const { state } = await docker.engine(signal);
    const containers = state === 'answers' ? await this.#containers(signal) : [];
    const running = new Set(Object.keys(runningBuilds(paths)));
    const engineOwner = this.#config?.engine.owner ?? 'other';
    const steps = planDown({
      running,
      containers: containers.length,
      haproxy: haproxyProcesses(paths.router).length > 0,
      virtualIps: await this.#hasVirtualIps(signal),
      engineOwner,
      known: this.#config !== undefined,
      ...this.options,
    });
    // One of the stage's own that has ended is meant to be silent.
    const asked = this.#config !== undefined && (engineOwner === 'other' || running.has('dockerd'));
    return {
      steps,
      unseen: asked && !this.options.keepInstances && (state === 'silent' || state === 'denied'),
    };
  }

  steps(plan: readonly DownStep[]): readonly Step[] {
    const all: Record<DownStep, Step> = {
      supervisor: this.#stopStep('supervisor', 'stop the supervisor'),
      executor: this.#stopStep('executor', 'stop the executor'),
      instances: { title: 'stop the instances', run: (_, signal) => this.#stopInstances(signal) },
      router: this.#stopStep('router', 'stop the router'),
      haproxy: { title: 'stop HAProxy', run: (_, signal) => this.#stopHaproxy(signal) },
      network: this.#stopStep('network', 'stop the network'),
      'virtual-ips': { title: 'remove the virtual IPs', run: (_, signal) => this.#removeVirtualIps(signal) },
      controlplane: this.#stopStep('controlplane', 'stop the control plane'),
      'image-registry': this.#stopStep('images', 'stop the image registry'),
      volumes: { title: 'remove what services keep', run: (_, signal) => this.#removeVolumes(signal) },
      images: { title: 'remove the images', run: (_, signal) => this.#removeImages(signal) },
      etcd: this.#stopStep('etcd', 'stop etcd'),
      dockerd: { title: 'stop the Docker Engine', run: (_, signal) => this.#stopEngine(signal) },
      forget: { title: 'remove the data', run: () => this.#forget() },
    };
    return plan.map((step) => all[step]);
  }

  #stopStep(name: Exclude<keyof typeof graceMs, 'haproxy'>, title: string): Step {
    const { paths, clock } = this.context;
    return {
      title,
      run: async (_, signal) => {
        const record = findRunning(paths.run, name);
        if (!record) return undefined;
        const end = await stopProcess(record, graceMs[name], { clock }, signal);
        return end === 'killed' ? `killed after ${graceMs[name] / 1000} s` : undefined;
      },
    };
  }

  async #stopInstances(signal: AbortSignal): Promise<string> {
    const { docker } = this.context;
    const containers = await this.#containers(signal);
    await docker.stopAndRemove(containers, signal);
    return String(containers.length);
  }

  async #stopHaproxy(signal: AbortSignal): Promise<undefined> {
    const { paths, clock } = this.context;
    // A master starts again what ends, unless it is told first; all of them are.
    const all = haproxyProcesses(paths.router);
    await Promise.all(all.map((one) => stopProcess(one, graceMs.haproxy, { clock }, signal)));
    return undefined;
  }

  async #hasVirtualIps(signal: AbortSignal): Promise<boolean> {
    const table = this.#virtualIpTable;
    if (table === undefined) return false;
    return this.#translation.isThere(table) || (await this.#nftables.familiesOf(table, signal)).length > 0;
  }

  async #removeVirtualIps(signal: AbortSignal): Promise<undefined> {
    if (!this.#virtualIpTable) return undefined;
    await this.#translation.remove(this.#virtualIpTable);
    await this.#nftables.remove(this.#virtualIpTable, signal);
    return undefined;
  }

  get #virtualIpTable(): string | undefined {
    return this.#config && tableName(stageKey(this.#config));
  }

  get #translation(): TranslationPins {
    return new TranslationPins({ bpftool: new SystemBpftool({ clock: this.context.clock }) });
  }

  get #nftables(): Nftables {
    return new Nftables(this.context.run, this.context.env);
  }

  async #removeVolumes(signal: AbortSignal): Promise<string> {
    if (!this.#config) return '0';
    return String(await this.context.docker.removeVolumesOf(stageKey(this.#config), signal));
  }

  async #removeImages(signal: AbortSignal): Promise<string> {
    if (!this.#config) return '0';
    return String(await this.context.docker.removeImagesOf(stageKey(this.#config), signal));
  }

  /** None when the stage's own file is gone: others at the engine may have its name. */
  async #containers(signal: AbortSignal): Promise<string[]> {
    return this.#config ? this.context.docker.containersOf(stageKey(this.#config), signal) : [];
  }

  /** Only when nothing runs on it any more: others may have come to use it. */
  async #stopEngine(signal: AbortSignal): Promise<string | undefined> {
    const { docker, paths, clock, run, env } = this.context;
    const record = findRunning(paths.run, 'dockerd');
    if (!record) return undefined;
    const engine = await docker.engine(signal);
    const others = engine.state === 'answers' ? (await docker.running(signal)).length : 0;
    if (others > 0) return `left running: ${others} containers of others use it`;
    const owner: EngineOwner = this.#config?.engine.owner ?? 'other';
    if (owner === 'systemd')
      await run('systemctl', ['stop', 'docker.socket', 'docker.service'], { env }, signal);
    else await stopProcess(record, graceMs.dockerd, { clock }, signal);
    return undefined;
  }

  async #forget(): Promise<string> {
    const { paths, env } = this.context;
    rmSync(paths.data, { recursive: true, force: true });
    removeStageFile(paths.stage, env);
    return paths.data;
  }
}

/** What is to be forgotten need not be understood. */
function configIfSound(path: string): StageConfig | undefined {
  try {
    return readConfig(path);
  } catch {
    return undefined;
  }
}
