import { homedir } from 'node:os';
import { join } from 'node:path';
import { InvalidError } from '../base/errors';

export const defaultStage = 'local';

/** Their names in the run directory. etcd wants a port behind a colon, and takes it as part of the name. */
export const etcdSockets = { client: 'etcd-client.sock:0', peer: 'etcd-peer.sock:0' } as const;

/** Files in PEM. */
export interface TlsPaths {
  readonly ca: string;
  readonly caKey: string;
  readonly certificate: string;
  readonly key: string;
}

/** Where a stage on this machine keeps its things. */
export interface StagePaths {
  readonly stage: string;
  /** What the stage is made of, its ports above all: see config.ts. */
  readonly config: string;
  readonly data: string;
  readonly etcd: string;
  readonly userToken: string;
  readonly executorToken: string;
  /** By what the API is known: the authority and its key, of a machine that has joined the authority alone. */
  readonly tls: TlsPaths;
  /** One file for each running component: see process-record.ts. */
  readonly run: string;
  /** Where etcd listens for the control plane: whoever may not enter the directory cannot connect. */
  readonly etcdSocket: string;
  readonly logs: string;
  /** The registry of the stage's images: where it keeps them, and where it listens for the control plane. */
  readonly images: string;
  readonly imagesSocket: string;
  /** What the executor keeps: what instances have printed that are gone. */
  readonly executor: string;
  /** What the network daemon keeps: its registry's entries, the virtual IPs. */
  readonly network: string;
  /** What the router keeps: the last table of routes, HAProxy's configuration. */
  readonly router: string;
}

/** The directory of what belongs to the person: stage files, mode 0700. */
export function gilliamHome(env: NodeJS.ProcessEnv): string {
  return env.GILLIAM_HOME || join(env.HOME || homedir(), '.gilliam');
}

export function stageFilePath(stage: string, env: NodeJS.ProcessEnv): string {
  return join(gilliamHome(env), 'stages', `${checkStageName(stage)}.json`);
}

/** The directory that holds a directory for each stage of this machine. */
export function dataHome(env: NodeJS.ProcessEnv, uid: number | undefined = process.getuid?.()): string {
  if (env.GILLIAM_DATA) return env.GILLIAM_DATA;
  return uid === 0 ? '/var/lib/gilliam' : join(gilliamHome(env), 'data');
}

export function stagePaths(
  stage: string,
  env: NodeJS.ProcessEnv,
  uid: number | undefined = process.getuid?.(),
): StagePaths {
  return pathsIn(join(dataHome(env, uid), checkStageName(stage)), stage);
}

/** The paths of the stage whose data is in this directory. */
export function pathsIn(data: string, stage: string): StagePaths {
  return {
    stage,
    data,
    config: join(data, 'stage.json'),
    etcd: join(data, 'etcd'),
    userToken: join(data, 'tokens', 'user'),
    executorToken: join(data, 'tokens', 'executor'),
    tls: {
      ca: join(data, 'tls', 'ca.pem'),
      caKey: join(data, 'tls', 'ca-key.pem'),
      certificate: join(data, 'tls', 'api.pem'),
      key: join(data, 'tls', 'api-key.pem'),
    },
    run: join(data, 'run'),
    etcdSocket: join(data, 'run', etcdSockets.client),
    logs: join(data, 'logs'),
    images: join(data, 'images'),
    imagesSocket: join(data, 'run', 'images.sock'),
    executor: join(data, 'executor'),
    network: join(data, 'network'),
    router: join(data, 'router'),
  };
}

/** A stage's name becomes a file name, a label and part of image names. */
export function checkStageName(stage: string): string {
  if (/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/.test(stage)) return stage;
  throw new InvalidError(
    `"${stage}" cannot be the name of a stage: 1 to 40 lower-case letters, digits and dashes, from a letter to a letter or digit`,
  );
}
