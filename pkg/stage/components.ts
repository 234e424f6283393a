import { isIP } from 'node:net';
import { delimiter, join } from 'node:path';
import { administratorsDirectories } from './command';
import { stageKey, type StageConfig, type StageRole } from './config';
import { etcdSockets, type StagePaths } from './paths';

export const componentNames = [
  'dockerd',
  'etcd',
  'images',
  'controlplane',
  'network',
  'router',
  'executor',
] as const;
export type ComponentName = (typeof componentNames)[number];

/** What runs on a machine, in the order in which things are started; they are stopped in reverse. */
export const componentsOfRole: Readonly<Record<StageRole, readonly ComponentName[]>> = {
  stage: componentNames,
  executor: ['dockerd', 'network', 'router', 'executor'],
};

/** A process of the stage: exactly what is run. */
export interface Component {
  readonly name: ComponentName;
  readonly command: string;
  readonly args: readonly string[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Its working directory; default the stage's data. */
  readonly cwd?: string;
  /** Sockets that it listens on: what is left of them is removed before it starts. */
  readonly sockets?: readonly string[];
  /** How long it may take to end after SIGTERM. */
  readonly stopGraceMs: number;
}

export interface ComponentInput {
  readonly config: StageConfig;
  readonly paths: StagePaths;
  /** The package's directory: dist/ is in it. */
  readonly packageRoot: string;
  /** The Node to run daemons with. */
  readonly node: string;
  /** The supervisor's environment; only a few names of it are passed on. */
  readonly env: NodeJS.ProcessEnv;
}

const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

/** How each is run; undefined where it is not needed. */
const components: Readonly<Record<ComponentName, (input: ComponentInput) => Component | undefined>> = {
  dockerd,
  etcd,
  images,
  controlplane: controlPlane,
  network,
  router,
  executor,
};

/** What the supervisor keeps running. */
export function stageComponents(input: ComponentInput): readonly Component[] {
  return componentsOfRole[input.config.role]
    .map((name) => components[name](input))
    .filter((component) => component !== undefined);
}

/** Only for a machine without a service manager. What runs survives its restart, as it does Gilliam's. */
function dockerd({ config, env }: ComponentInput): Component | undefined {
  if (config.engine.owner !== 'supervisor') return undefined;
  return {
    name: 'dockerd',
    command: 'dockerd',
    args: ['--live-restore'],
    env: { ...basics(env), ...picked(env, proxyNames) },
    stopGraceMs: 30_000,
  };
}

function etcd({ config, paths, env }: ComponentInput): Component {
  // Sockets in a directory that only its owner enters: etcd itself asks nobody who they are. They are named from the
  // working directory.
  const [client, peer] = [`unix://${etcdSockets.client}`, `unix://${etcdSockets.peer}`];
  // It has to advertise addresses of a network, though nobody is told of them.
  const advertised = 'http://127.0.0.1:1';
  return {
    name: 'etcd',
    command: config.etcdBinary,
    args: [
      `--name=${config.stage}`,
      `--data-dir=${paths.etcd}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${advertised}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${advertised}`,
      `--initial-cluster=${config.stage}=${advertised}`,
      // Idle watches hear of progress, so that they resume close to the present.
      '--experimental-watch-progress-notify-interval=10s',
      // Minutes of history, for watches that were away and lists at a revision.
      '--auto-compaction-mode=periodic',
      '--auto-compaction-retention=10m',
      '--quota-backend-bytes=2147483648',
      '--max-txn-ops=1024',
      '--logger=zap',
      '--log-outputs=stderr',
    ],
    env: basics(env),
    cwd: paths.run,
    // etcd does not start over a socket that an etcd before it has left.
    sockets: Object.values(etcdSockets).map((name) => join(paths.run, name)),
    stopGraceMs: 10_000,
  };
}

/** Whether other machines have its images of this one. */
export function handsOutImages({ role, address }: Pick<StageConfig, 'role' | 'address'>): boolean {
  return role === 'stage' && address !== undefined;
}

/**
 * The registry of the stage's images, which the control plane brings there and executors read by the API. On a socket
 * of its owner: on loopback, every user of the machine could fill the disk, or remove what executors are to fetch.
 */
function images({ config, paths, packageRoot, env }: ComponentInput): Component | undefined {
  if (!handsOutImages(config)) return undefined;
  return {
    name: 'images',
    command: join(packageRoot, 'hack/images.sh'),
    args: [paths.images, paths.imagesSocket],
    env: withAdministratorsPrograms(basics(env)),
    sockets: [paths.imagesSocket],
    stopGraceMs: 10_000,
  };
}

function controlPlane(input: ComponentInput): Component {
  const { config, paths, env } = input;
  return {
    name: 'controlplane',
    ...daemon(input, 'controlplane'),
    env: defined({
      ...basics(env),
      // Builds go through the machine's proxies, and trust what it trusts.
      ...picked(env, [...proxyNames, 'SSL_CERT_FILE']),
      GILLIAM_EXTRA_CERTIFICATES: config.extraCertificates,
      GILLIAM_STAGE: config.stage,
      GILLIAM_STAGE_KEY: stageKey(config),
      GILLIAM_ETCD: `unix:${paths.etcdSocket}`,
      GILLIAM_LISTEN: [apiAddress(config), apiAddressForOthers(config)].filter(Boolean).join(','),
      ...(config.address !== undefined && {
        GILLIAM_TLS_CERTIFICATE_FILE: paths.tls.certificate,
        GILLIAM_TLS_KEY_FILE: paths.tls.key,
        GILLIAM_CA_FILE: paths.tls.ca,
        GILLIAM_CA_KEY_FILE: paths.tls.caKey,
      }),
      GILLIAM_USER_TOKEN_FILE: paths.userToken,
      GILLIAM_EXECUTOR_TOKEN_FILE: paths.executorToken,
      GILLIAM_IDENTITY: config.executor.name,
      GILLIAM_BASE_IMAGE: config.baseImage,
      GILLIAM_IMAGES: handsOutImages(config) ? `unix:${paths.imagesSocket}` : undefined,
      DOCKER_HOST: config.engine.host,
    }),
    stopGraceMs: 10_000,
  };
}

/** Registry, proxy, names and virtual IPs. */
function network(input: ComponentInput): Component | undefined {
  const { config, paths, env } = input;
  if (!config.network) return undefined;
  return {
    name: 'network',
    ...daemon(input, 'network'),
    env: defined({
      ...withAdministratorsPrograms(basics(env)),
      GILLIAM_STAGE: config.stage,
      GILLIAM_STAGE_KEY: stageKey(config),
      GILLIAM_EXECUTOR_NAME: config.executor.name,
      ...apiSettings(input),
      // Where instances find it: another stage on this machine may have the port that it has at its home.
      GILLIAM_API_RELAY_PORT: config.role === 'executor' ? String(config.ports.api) : undefined,
      GILLIAM_TOKEN_FILE: paths.executorToken,
      GILLIAM_DATA_DIR: paths.network,
      GILLIAM_REGISTRY_ADDRESS: config.address === undefined ? undefined : registryAddressForOthers(config),
      GILLIAM_REGISTRY_PORT: String(config.ports.registry),
      GILLIAM_PROXY_PORT: String(config.ports.proxy),
      GILLIAM_DNS_PORT: String(config.ports.dns),
      GILLIAM_VIRTUAL_RANGE: config.network.virtualRange,
      GILLIAM_PROXY_ALLOW: config.proxyAllow,
      DOCKER_HOST: config.engine.host,
    }),
    stopGraceMs: 10_000,
  };
}

function router(input: ComponentInput): Component | undefined {
  const { config, paths, env } = input;
  if (!config.network) return undefined;
  return {
    name: 'router',
    ...daemon(input, 'router'),
    env: {
      ...withAdministratorsPrograms(basics(env)),
      GILLIAM_STAGE: config.stage,
      GILLIAM_STAGE_KEY: stageKey(config),
      ...apiSettings(input),
      GILLIAM_TOKEN_FILE: paths.executorToken,
      GILLIAM_EXECUTOR_NAME: config.executor.name,
      GILLIAM_REGISTRY: `http://${registryAddress(config)}`,
      GILLIAM_DATA_DIR: paths.router,
      GILLIAM_HTTP_PORT: String(config.network.routerPorts.http),
      GILLIAM_HTTPS_PORT: String(config.network.routerPorts.https),
    },
    stopGraceMs: 10_000,
  };
}

function executor(input: ComponentInput): Component {
  const { config, paths, env } = input;
  return {
    name: 'executor',
    ...daemon(input, 'executor'),
    env: defined({
      ...basics(env),
      GILLIAM_STAGE: config.stage,
      GILLIAM_STAGE_KEY: stageKey(config),
      ...apiSettings(input),
      GILLIAM_TOKEN_FILE: paths.executorToken,
      GILLIAM_EXECUTOR_NAME: config.executor.name,
      GILLIAM_EXECUTOR_HOST: config.executor.host,
      GILLIAM_HOST_PORT_BASE: String(config.hostPortBase),
      GILLIAM_DATA_DIR: paths.executor,
      GILLIAM_REGISTRY: config.network && `http://${registryAddress(config)}`,
      // Where the control plane and the peers find the registry.
      GILLIAM_REGISTRY_ADDRESS: config.network && registryAddressForOthers(config),
      DOCKER_HOST: config.engine.host,
    }),
    stopGraceMs: 10_000,
  };
}

/** Where this machine's parts find the API. */
export function apiAddress({ api, ports }: StageConfig): string {
  return api ?? `127.0.0.1:${ports.api}`;
}

/** Where other machines find the API that is here; undefined where they do not. */
export function apiAddressForOthers({ role, address, ports }: StageConfig): string | undefined {
  return role === 'stage' && address !== undefined ? hostPort(address, ports.api) : undefined;
}

export function registryAddress(config: StageConfig): string {
  return `127.0.0.1:${config.ports.registry}`;
}

function registryAddressForOthers(config: StageConfig): string {
  return config.address === undefined
    ? registryAddress(config)
    : hostPort(config.address, config.ports.registry);
}

function hostPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Where the API is, and by what it is known where it is open to other machines. */
function apiSettings({ config, paths }: ComponentInput): Record<string, string> {
  const known: Record<string, string> = config.address === undefined ? {} : { GILLIAM_CA_FILE: paths.tls.ca };
  return { GILLIAM_API: apiAddress(config), ...known };
}

function daemon({ node, packageRoot }: ComponentInput, name: string): Pick<Component, 'command' | 'args'> {
  return { command: node, args: ['--enable-source-maps', join(packageRoot, 'dist/cmd', `${name}.js`)] };
}

function basics(env: NodeJS.ProcessEnv): Record<string, string> {
  return picked(env, ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR']);
}

/** nft and HAProxy are among them, and not on everybody's PATH. */
function withAdministratorsPrograms(env: Record<string, string>): Record<string, string> {
  return { ...env, PATH: [env.PATH, ...administratorsDirectories].filter(Boolean).join(delimiter) };
}

function picked(env: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  return defined(Object.fromEntries(names.map((name) => [name, env[name]])));
}

function defined(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
