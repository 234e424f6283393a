import { readFileSync } from 'node:fs';
import { InvalidError, PreconditionError } from '../base/errors';
import { fileReason } from '../base/file-reason';
import { portsOfBlock, type RouterPorts, type StagePorts } from './ports';
import { writePrivateFile } from './private-file';

/**
 * Of what is in a stage's directory, apart from etcd's data, which has a version of its own. It goes up when an earlier
 * Gilliam would do harm with what is there, and `migrate` brings what was written before up to it.
 * 1: no networking. 2: ports of the network and the router, a range for virtual IPs. 3: machines that have joined.
 */
export const layoutVersion = 3;

/** What this machine is to the stage. */
export type StageRole =
  /** Its home: etcd and the control plane run here, and an executor. */
  | 'stage'
  /** One that has joined: an executor, with what it needs to be one. */
  | 'executor';

/** How the stage's services are reached. */
export interface StageNetwork {
  readonly routerPorts: RouterPorts;
  /** Virtual IPs are of this range: `198.18.16.0/20`. */
  readonly virtualRange: string;
}

/** Who has started the container engine, so who may stop it. */
export type EngineOwner =
  /** Somebody else: it is left alone. */
  | 'other'
  /** The stage, as systemd's unit. */
  | 'systemd'
  /** The stage: the supervisor keeps it running. */
  | 'supervisor';

/** What of a stage is on this machine: decided by its first `gilliam up` or by `gilliam join`, kept in `stage.json`. */
export interface StageConfig {
  readonly layout: number;
  readonly role: StageRole;
  readonly stage: string;
  /** Tells it from stages of the same name that use the same container engine: those of other users. */
  readonly id: string;
  readonly ports: StagePorts;
  /** Host name or address at which other machines reach this one; absent: the stage is of one machine. */
  readonly address?: string;
  /** Of a machine that has joined, `host:port` of the stage's API; of several control planes with commas between. */
  readonly api?: string;
  /** Absent in a stage of before there was networking, until its next `up`. */
  readonly network?: StageNetwork;
  /** Published ports of instances count up from here. */
  readonly hostPortBase: number;
  readonly executor: {
    readonly name: string;
    /** The address by which published ports are reached. */
    readonly host: string;
  };
  readonly etcdBinary: string;
  readonly engine: {
    readonly owner: EngineOwner;
    /** As in DOCKER_HOST; absent for the usual socket. */
    readonly host?: string;
  };
  /** The image that builds start from. */
  readonly baseImage: string;
  /** The file of NODE_EXTRA_CA_CERTS: builds trust it, besides what the machine trusts. */
  readonly extraCertificates?: string;
  /** Of GILLIAM_PROXY_ALLOW: the hosts that instances reach through the proxy; absent for all. */
  readonly proxyAllow?: string;
}

/** Undefined when there is no such stage yet. */
export function readConfig(path: string): StageConfig | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PreconditionError(
      `${path} cannot be read: ${fileReason(error)}: work as the user that started the stage, or set GILLIAM_DATA to a directory of your own`,
      { cause: error },
    );
  }
  return parseConfig(text, path);
}

export function writeConfig(path: string, config: StageConfig): void {
  writePrivateFile(path, `${JSON.stringify(config, null, 2)}\n`);
}

export function parseConfig(text: string, path: string): StageConfig {
  let read: Partial<StageConfig>;
  try {
    read = JSON.parse(text) as Partial<StageConfig>;
  } catch (cause) {
    throw new InvalidError(
      `${path} is not JSON: restore it from a backup, or remove the stage's directory`,
      [],
      {
        cause,
      },
    );
  }
  const value = migrate(read);
  checkLayout(value.layout, path);
  for (const field of [
    'role',
    'stage',
    'id',
    'ports',
    'hostPortBase',
    'executor',
    'etcdBinary',
    'engine',
    'baseImage',
  ] as const) {
    if (value[field] === undefined)
      throw new InvalidError(`${path} has no "${field}": restore it from a backup`);
  }
  return value as StageConfig;
}

/** What an earlier Gilliam has written, as this one writes it. What only the machine can tell is left to `up`. */
function migrate(value: Partial<StageConfig>): Partial<StageConfig> {
  switch (value.layout) {
    case 1:
      return migrate({ ...value, layout: 2, ports: value.ports && portsOfBlock(value.ports.api) });
    case 2:
      return { ...value, layout: 3, role: 'stage' };
    default:
      return value;
  }
}

function checkLayout(layout: unknown, path: string): void {
  if (layout === layoutVersion) return;
  const newer = typeof layout === 'number' && layout > layoutVersion;
  throw new PreconditionError(
    newer
      ? `${path} was written by a newer Gilliam (layout ${layout}, this one knows ${layoutVersion}): install that version again`
      : `${path} is of layout ${JSON.stringify(layout)}, this Gilliam needs ${layoutVersion}: start the stage once with the version that made it, or remove its directory`,
  );
}

/** What the stage is called at the container engine: on containers, and in the names of images. */
export function stageKey({ stage, id }: Pick<StageConfig, 'stage' | 'id'>): string {
  return `${stage}-${id}`;
}
