import { existsSync } from 'node:fs';
import type { VirtualIpStatus } from '../registry/status';
import {
  apiAddress,
  apiAddressForOthers,
  type ComponentName,
  componentsOfRole,
  handsOutImages,
  registryAddress,
} from './components';
import { readConfig, type StageConfig, type StageRole } from './config';
import type { PartHealth } from './part-health';
import type { StagePaths } from './paths';
import type { RouterPorts } from './ports';
import { probe } from './probe';
import { findRunning, type ProcessRecord, readProcessRecord } from './process-record';
import type { StageContext } from './step';
import { readToken } from './tokens';

export interface ComponentReport {
  readonly name: string;
  readonly healthy: boolean;
  readonly pid?: number;
  readonly uptimeMs?: number;
  readonly restarts?: number;
  readonly version: string;
  readonly address: string;
  /** Why it is not healthy, or what it has to do without; may be empty. */
  readonly message: string;
  /** Of the network: which way its virtual IPs are translated, and why. */
  readonly virtualIps?: VirtualIpStatus;
}

export interface StageReport {
  readonly stage: string;
  /** `stage` at the stage's home, `executor` on a machine that has joined. */
  readonly role: StageRole;
  /** All components are healthy. */
  readonly up: boolean;
  readonly api: string;
  /** Absent in a stage of before there was a router, until its next `up`. */
  readonly router?: RouterPorts;
  readonly data: string;
  readonly components: readonly ComponentReport[];
}

/** How the stage on this machine does; undefined when there is none. */
export async function stageReport(
  context: StageContext,
  signal: AbortSignal,
): Promise<StageReport | undefined> {
  const { paths, connect, docker } = context;
  const config = readConfig(paths.config);
  if (!config) return undefined;
  const tokenFile = config.role === 'stage' ? paths.userToken : paths.executorToken;
  const token = existsSync(tokenFile) ? readToken(tokenFile) : '';
  const [health, engine] = await Promise.all([
    probe({ config, paths }, token, connect, signal),
    docker.engine(signal),
  ]);
  const answers = engine.state === 'answers';
  const dockerHealth = { healthy: answers, message: answers ? '' : 'does not answer' };
  const reports = [
    processReport('supervisor', context, { healthy: true, message: '' }, ''),
    ...(config.role === 'executor' ? [controlPlaneReport(config, health.controlplane ?? unknown)] : []),
    ...componentsOfRole[config.role]
      .filter((name) => name !== 'dockerd')
      .filter((name) => name !== 'images' || handsOutImages(config))
      .map((name) => processReport(name, context, health[name] ?? unknown, addressOf(name, config, paths))),
    {
      ...processReport(
        'dockerd',
        context,
        dockerHealth,
        config.engine.host ?? '/var/run/docker.sock',
        answers,
      ),
      name: 'docker',
      version: answers ? engine.version : '',
    },
  ];
  const up = reports.every(({ healthy }) => healthy);
  return {
    stage: config.stage,
    role: config.role,
    up,
    api: apiAddressForOthers(config) ?? apiAddress(config),
    router: config.network?.routerPorts,
    data: paths.data,
    components: reports,
  };
}

const unknown: PartHealth = { healthy: false, message: 'was not asked' };

/** Of one on another machine: whether it can be reached from here. */
function controlPlaneReport(config: StageConfig, health: PartHealth): ComponentReport {
  return { name: 'controlplane', ...health, version: '', address: apiAddress(config) };
}

function processReport(
  name: string,
  { paths, clock }: StageContext,
  health: PartHealth,
  address: string,
  elsewhere = false,
): ComponentReport {
  const record = findRunning(paths.run, name);
  if (record) {
    const { pid, startedAtMs, restarts, version } = record;
    return { name, ...health, pid, uptimeMs: clock.now() - startedAtMs, restarts, version, address };
  }
  if (elsewhere) return { name, ...health, version: '', address };
  return { name, healthy: false, version: '', address, message: whyDown(readProcessRecord(paths.run, name)) };
}

function whyDown(record: ProcessRecord | undefined): string {
  return record?.lastExit?.status ? `does not run (${record.lastExit.status})` : 'does not run';
}

function addressOf(name: Exclude<ComponentName, 'dockerd'>, config: StageConfig, paths: StagePaths): string {
  switch (name) {
    case 'etcd':
      return paths.etcdSocket;
    case 'images':
      return paths.imagesSocket;
    case 'controlplane':
      return [apiAddress(config), apiAddressForOthers(config)].filter(Boolean).join(', ');
    case 'network':
      return `${registryAddress(config)}, proxy ${config.ports.proxy}, names ${config.ports.dns}`;
    case 'router':
      return routerAddress(config);
    case 'executor':
      return config.executor.host;
  }
}

function routerAddress({ network }: StageConfig): string {
  return network ? `http :${network.routerPorts.http}, https :${network.routerPorts.https}` : '';
}
