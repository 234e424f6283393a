import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { PreconditionError } from '../base/errors';
import { findProgram } from './command';
import {
  type EngineOwner,
  layoutVersion,
  readConfig,
  type StageConfig,
  stageKey,
  type StageNetwork,
} from './config';
import { ownStages } from './own-stages';
import { dataHome, pathsIn, type StagePaths } from './paths';
import {
  allAddresses,
  isPortFree,
  pickPorts,
  pickRouterPorts,
  portNumbers,
  portsOfBlock,
  type StagePorts,
} from './ports';
import { pickVirtualRange, rangesIn } from './virtual-range';

/** Made by hack/base-image.sh. */
export const defaultBaseImage = 'gilliam/base:bookworm';

/** What the stage says of itself, and what the machine is called there. */
export interface Joining {
  readonly id: string;
  readonly api: string;
  readonly baseImage: string;
  readonly name?: string;
}

export interface ConfigWishes {
  /** The API's port: the first of the stage's block. */
  readonly port?: number;
  /** The router's ports. */
  readonly httpPort?: number;
  readonly httpsPort?: number;
  readonly hostPortBase?: number;
  /** The address by which published ports are reached; default `address`, where there is one. */
  readonly host?: string;
  /** At which other machines reach this one. */
  readonly address?: string;
  /** To be an executor of a stage whose home is another machine. */
  readonly joining?: Joining;
  readonly engineOwner: EngineOwner;
  /** Ranges of virtual IPs that rules on this machine speak of. */
  readonly rangesInUse: () => Promise<readonly string[]>;
}

/** The stage's configuration as it is to be: what was decided before, unless something else is asked for now. */
export async function decideConfig(
  paths: StagePaths,
  existing: StageConfig | undefined,
  wishes: ConfigWishes,
  env: NodeJS.ProcessEnv,
): Promise<StageConfig> {
  checkSocketPath(paths.etcdSocket);
  const others = otherStages(paths, env);
  const ports = wishes.port
    ? portsOfBlock(wishes.port)
    : (existing?.ports ?? (await pickPorts(others.flatMap(portsOf), isPortFree)));
  const { joining } = wishes;
  const identity = {
    stage: paths.stage,
    id: joining?.id ?? existing?.id ?? randomBytes(4).toString('hex'),
  };
  return {
    layout: layoutVersion,
    role: joining ? 'executor' : (existing?.role ?? 'stage'),
    ...identity,
    ports,
    address: wishes.address ?? existing?.address,
    api: joining?.api ?? existing?.api,
    network: await decideNetwork(stageKey(identity), { existing, others, ports, wishes }),
    hostPortBase: wishes.hostPortBase ?? existing?.hostPortBase ?? 10_000,
    executor: {
      name: joining?.name ?? existing?.executor.name ?? executorName(hostname()),
      host: wishes.host ?? wishes.address ?? existing?.executor.host ?? (await reachableHost()),
    },
    etcdBinary: findProgram('etcd', env) ?? 'etcd',
    engine: { owner: wishes.engineOwner, host: env.DOCKER_HOST || undefined },
    baseImage: joining?.baseImage ?? (env.GILLIAM_BASE_IMAGE || existing?.baseImage || defaultBaseImage),
    extraCertificates: env.NODE_EXTRA_CA_CERTS || undefined,
    // An up that says nothing of it, as a machine's start may, opens nothing.
    proxyAllow: env.GILLIAM_PROXY_ALLOW || existing?.proxyAllow,
  };
}

async function decideNetwork(
  key: string,
  given: {
    readonly existing: StageConfig | undefined;
    readonly others: readonly StageConfig[];
    readonly ports: StagePorts;
    readonly wishes: ConfigWishes;
  },
): Promise<StageNetwork> {
  const { existing, others, ports, wishes } = given;
  const before = existing?.network;
  const taken = [...portNumbers(ports), ...others.flatMap(portsOf)];
  const wished = {
    http: wishes.httpPort ?? before?.routerPorts.http,
    https: wishes.httpsPort ?? before?.routerPorts.https,
  };
  const routerPorts = await pickRouterPorts(wished, taken, isPortFree);
  refuseTwice(portNumbers(ports, routerPorts));
  return { routerPorts, virtualRange: before?.virtualRange ?? (await freeRange(key, others, wishes)) };
}

function refuseTwice(ports: readonly number[]): void {
  const twice = ports.find((port, index) => ports.indexOf(port) !== index);
  if (twice === undefined) return;
  throw new PreconditionError(
    `the stage would need port ${twice} twice: choose others with --port, --http-port and --https-port`,
  );
}

async function freeRange(
  key: string,
  others: readonly StageConfig[],
  { rangesInUse }: ConfigWishes,
): Promise<string> {
  const ofInterfaces = Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).map((one) => one.address),
  );
  const taken = [
    ...others.flatMap(({ network }) => network?.virtualRange ?? []),
    ...rangesIn(ofInterfaces.join(' ')),
    ...(await rangesInUse()),
  ];
  return pickVirtualRange(key, new Set(taken));
}

/** The other stages of this machine whose directories can be read, up or not. */
function otherStages(paths: StagePaths, env: NodeJS.ProcessEnv): StageConfig[] {
  const home = dataHome(env);
  return ownStages(env)
    .filter((stage) => stage !== paths.stage)
    .flatMap((stage) => {
      try {
        return readConfig(pathsIn(join(home, stage), stage).config) ?? [];
      } catch {
        // Another stage's trouble is not this one's; its ports show when it is up.
        return [];
      }
    });
}

function portsOf({ ports, network }: StageConfig): number[] {
  return portNumbers(ports, ...(network ? [network.routerPorts] : []));
}

/** The machine's name as an RFC 1035 label. */
export function executorName(host: string): string {
  const label = host
    .toLowerCase()
    .replace(/\..*$/, '')
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return label === '' ? 'executor' : label;
}

/** The machine's name where it leads back to it, else loopback: on some machines the name leads nowhere. */
async function reachableHost(): Promise<string> {
  try {
    await lookup(hostname());
    return hostname();
  } catch {
    return '127.0.0.1';
  }
}

/** What of the stage is up, and so has its ports. */
export interface Listening {
  readonly controlplane: boolean;
  readonly network: boolean;
  readonly router: boolean;
}

/** Throws when somebody else has taken one of the stage's ports. */
export async function checkPorts(config: StageConfig, listening: Listening): Promise<void> {
  const { ports, network, stage } = config;
  const own = 'on 127.0.0.1';
  const wanted: [number | undefined, string, string, boolean][] = [
    [ports.api, `the API ${own}`, 'port', listening.controlplane],
    [ports.registry, `the service registry ${own}`, 'port', listening.network],
    [ports.proxy, `the proxy ${own}`, 'port', listening.network],
    [ports.dns, `the resolver ${own}`, 'port', listening.network],
    [network?.routerPorts.http, 'the router for HTTP', 'http-port', listening.router],
    [network?.routerPorts.https, 'the router for HTTPS', 'https-port', listening.router],
  ];
  for (const [port, what, flag, listens] of wanted) {
    const host = flag === 'port' ? undefined : allAddresses;
    if (port === undefined || listens || (await isPortFree(port, host))) continue;
    throw new PreconditionError(
      `port ${port}, which stage ${stage} needs for ${what}, is taken by another program: end that, or give another port with --${flag}`,
    );
  }
}

/** The kernel's limit of a socket's address, without its final zero. */
const maxSocketPathBytes = 107;

function checkSocketPath(path: string): void {
  if (Buffer.byteLength(path) <= maxSocketPathBytes) return;
  throw new PreconditionError(
    `${path} is longer than the ${maxSocketPathBytes} bytes of a socket's path: choose a shorter directory with GILLIAM_DATA`,
  );
}
