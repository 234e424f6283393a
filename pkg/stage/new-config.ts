import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { existsSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { PreconditionError } from '../base/errors';
import { findProgram } from './command';
import { type EngineOwner, layoutVersion, readConfig, type StageConfig, type StagePorts } from './config';
import { dataHome, pathsIn, type StagePaths } from './paths';
import { isPortFree, pickPorts, portsOfBlock } from './ports';

/** Made by hack/base-image.sh. */
export const defaultBaseImage = 'gilliam/base:bookworm';

export interface ConfigWishes {
  /** The API's port. */
  readonly port?: number;
  readonly hostPortBase?: number;
  /** The address by which published ports are reached. */
  readonly host?: string;
  readonly engineOwner: EngineOwner;
}

/** The stage's configuration as it is to be: what was decided before, unless something else is asked for now. */
export async function decideConfig(
  paths: StagePaths,
  existing: StageConfig | undefined,
  wishes: ConfigWishes,
  env: NodeJS.ProcessEnv,
): Promise<StageConfig> {
  checkSocketPath(paths.etcdSocket);
  const ports = wishes.port
    ? portsOfBlock(wishes.port)
    : (existing?.ports ?? (await pickPorts(reserved(paths, env), isPortFree)));
  return {
    layout: layoutVersion,
    stage: paths.stage,
    id: existing?.id ?? randomBytes(4).toString('hex'),
    ports,
    hostPortBase: wishes.hostPortBase ?? existing?.hostPortBase ?? 10_000,
    executor: {
      name: existing?.executor.name ?? executorName(hostname()),
      host: wishes.host ?? existing?.executor.host ?? (await reachableHost()),
    },
    etcdBinary: findProgram('etcd', env) ?? 'etcd',
    engine: { owner: wishes.engineOwner, host: env.DOCKER_HOST || undefined },
    baseImage: env.GILLIAM_BASE_IMAGE || existing?.baseImage || defaultBaseImage,
    extraCertificates: env.NODE_EXTRA_CA_CERTS || undefined,
  };
}

/** Ports that other stages of this machine have, also when they are not up. */
function reserved(paths: StagePaths, env: NodeJS.ProcessEnv): StagePorts[] {
  const home = dataHome(env);
  if (!existsSync(home)) return [];
  return readdirSync(home)
    .filter((stage) => stage !== paths.stage)
    .flatMap((stage) => {
      try {
        return readConfig(pathsIn(join(home, stage), stage).config)?.ports ?? [];
      } catch {
        // Another stage's trouble is not this one's; its ports show when it is up.
        return [];
      }
    });
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

/** Throws when somebody else has taken the stage's port. */
export async function checkPort(config: StageConfig, apiRuns: boolean): Promise<void> {
  const { api } = config.ports;
  if (apiRuns || (await isPortFree(api))) return;
  throw new PreconditionError(
    `port ${api} on 127.0.0.1, which the API of stage ${config.stage} uses, is taken by another program: end that, or give another port with --port`,
  );
}

/** The kernel's limit of a socket's address, without its final zero. */
const maxSocketPathBytes = 107;

function checkSocketPath(path: string): void {
  if (Buffer.byteLength(path) <= maxSocketPathBytes) return;
  throw new PreconditionError(
    `${path} is longer than the ${maxSocketPathBytes} bytes of a socket's path: choose a shorter directory with GILLIAM_DATA`,
  );
}
