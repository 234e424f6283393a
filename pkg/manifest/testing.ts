import { InvalidError } from '../base/errors';
import { toDesired } from './desired';
import { parseManifest } from './manifest';
import { typeCatalog } from './type-catalog';
import type { ServiceTypeFile } from './type-schema';

/** A type with a volume and options, for tests that are not about those that are built in. */
export const redis: ServiceTypeFile = {
  type: 'redis',
  summary: 'a store of keys and values',
  versions: ['7', '6'],
  image: { registry: 'redis:{version}' },
  command: ['redis-server', '--dir', '/data'],
  ports: 6379,
  env: { PASSWORD: '{secret}', MODE: '{mode}' },
  health: 'tcp',
  volumes: { data: '/data' },
  url: 'redis://:{secret}@{host}:{port}/{database}',
  options: {
    maxmemory: { summary: 'at most', pattern: '[0-9]+mb', arguments: ['--maxmemory', '{value}'] },
    mode: { summary: 'how', default: 'cache', values: ['cache', 'store'], env: 'REDIS_MODE' },
    database: { summary: 'which', default: '0' },
  },
};

/** A type without data of its own. */
export const mail: ServiceTypeFile = {
  type: 'mail',
  summary: 'mail',
  versions: ['1'],
  image: { registry: 'mail' },
  ports: 25,
  url: 'smtp://{host}:{port}',
};

export const types = typeCatalog([], [redis, mail]);

/** The manifest, as far as it can be told without its source. */
export function read(text: string) {
  return parseManifest(text, { file: 'gilliam.yml', types });
}

export function desiredOf(text: string) {
  return toDesired(read(text), { formation: 'shop' });
}

/** All that is wrong with a manifest, as it is told. */
export function faultsOf(text: string): readonly string[] {
  try {
    desiredOf(text);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    const { violations, message } = error;
    return violations.length === 0 ? [message] : violations.map(({ description }) => description);
  }
}
