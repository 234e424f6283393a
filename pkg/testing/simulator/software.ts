import type { SeededRandom } from '../../base/random';
import type { Process } from '../../gen/gilliam/v1/release';
import type { DeepPartial } from '../../gen/gilliam/v1/release_service';
import { below } from './act';

/** What is wrong with a release. `broken`: web cannot be started; `picky`: there is no executor for worker. */
export interface Flaw {
  readonly broken?: boolean;
  readonly picky?: boolean;
}

type Processes = Record<string, DeepPartial<Process>>;

export function image(random: SeededRandom): string {
  const digit = below(random, 2 ** 32)
    .toString(16)
    .padStart(8, '0');
  return `sha256:${digit.repeat(8)}`;
}

/** What a release runs: `_cache` may be defined anew each time, `_db` hardly ever is, as it keeps data. */
export function software(random: SeededRandom, flaw: Flaw): Processes {
  const web: DeepPartial<Process> = {
    command: [flaw.broken ? 'missing' : 'serve'],
    ports: [{ containerPort: 8080 }],
    health: { check: { $case: 'http', value: { path: '/health' } } },
    drainMs: 4_000,
    graceMs: 3_000,
  };
  const worker = { command: ['work'], requirements: flaw.picky ? ['tags.gpu == "yes"'] : [] };
  const size = random.next() < 0.5 ? 'small' : 'large';
  const version = random.next() < 0.9 ? '15' : '16';
  return {
    web,
    worker,
    _cache: auxiliary('redis', 6379, { options: { size } }),
    _db: { ...auxiliary('postgres', 5432, { version }), volumes: [{ name: 'data', path: '/data' }] },
  };
}

function auxiliary(
  type: string,
  containerPort: number,
  more: DeepPartial<Process['auxiliary']>,
): DeepPartial<Process> {
  const url = `${type}://:{secret}@{host}:{port}`;
  return {
    image: `sha256:${'5'.repeat(64)}`,
    command: [type],
    ports: [{ containerPort }],
    drainMs: 2_000,
    graceMs: 2_000,
    auxiliary: { type, url, urlVariable: `${type.toUpperCase()}_URL`, ...more },
  };
}
