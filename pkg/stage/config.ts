import { readFileSync } from 'node:fs';
import { InvalidError, PreconditionError } from '../base/errors';
import { writePrivateFile } from './stage-file';

/** Of what is in a stage's directory, apart from etcd's data, which has a version of its own. */
export const layoutVersion = 1;

export interface StagePorts {
  readonly api: number;
}

/** Who has started the container engine, so who may stop it. */
export type EngineOwner =
  /** Somebody else: it is left alone. */
  | 'other'
  /** The stage, as systemd's unit. */
  | 'systemd'
  /** The stage: the supervisor keeps it running. */
  | 'supervisor';

/** What a single-machine stage is made of: decided by its first `gilliam up`, kept in `stage.json`. */
export interface StageConfig {
  readonly layout: number;
  readonly stage: string;
  /** Tells it from stages of the same name that use the same container engine: those of other users. */
  readonly id: string;
  readonly ports: StagePorts;
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
}

/** Undefined when there is no such stage yet. */
export function readConfig(path: string): StageConfig | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return parseConfig(text, path);
}

export function writeConfig(path: string, config: StageConfig): void {
  writePrivateFile(path, `${JSON.stringify(config, null, 2)}\n`);
}

export function parseConfig(text: string, path: string): StageConfig {
  let value: Partial<StageConfig>;
  try {
    value = JSON.parse(text) as Partial<StageConfig>;
  } catch (cause) {
    throw new InvalidError(
      `${path} is not JSON: restore it from a backup, or remove the stage's directory`,
      [],
      {
        cause,
      },
    );
  }
  checkLayout(value.layout, path);
  for (const field of [
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
