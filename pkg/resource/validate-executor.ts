import { isIP } from 'node:net';
import type { Capacity } from '../gen/gilliam/v1/executor';
import { MAX_CPU_MILLIS, MAX_LABEL_VALUE, MAX_MEMORY_BYTES } from './bounds';
import { isLabel, labelViolation, quote } from './names';
import { formatBytes, formatCpu } from './quantity';
import { hasControl } from './text';
import { checkLabels } from './validate-labels';
import { Violations } from './violations';

/** What an executor says of itself when it connects. */
export interface ExecutorFacts {
  readonly name: string;
  readonly host: string;
  readonly domain: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly capacity?: Capacity;
  readonly version: string;
  /** `host:port`; empty without a service registry. */
  readonly registryAddress: string;
}

const hostname = /^(?=.{1,253}$)[A-Za-z0-9](?:[-A-Za-z0-9]{0,62})(?:\.[A-Za-z0-9][-A-Za-z0-9]{0,62})*$/;

/** `10.0.0.1:4411`, `host.example:4411`, `[fd00::1]:4411`. */
function isHostPort(text: string): boolean {
  const [, host = '', port = ''] = /^(.*):([1-9][0-9]{0,4})$/.exec(text) ?? [];
  if (Number(port) > 65_535) return false;
  const [, v6 = ''] = /^\[(.*)\]$/.exec(host) ?? [];
  return hostname.test(host) || isIP(v6) === 6;
}

/** Throws InvalidError unless an executor may join with these. */
export function validateExecutor(executor: ExecutorFacts): void {
  const found = new Violations();
  found.require(isLabel(executor.name), 'name', () => labelViolation('executor name', executor.name));
  found.require(
    hostname.test(executor.host) || isIP(executor.host) !== 0,
    'host',
    () =>
      `host ${quote(executor.host)} is neither a host name nor an address: give what others reach the machine by`,
  );
  for (const field of ['domain', 'version'] as const) {
    found.require(
      executor[field].length <= MAX_LABEL_VALUE && !hasControl(executor[field]),
      field,
      () => `${field} is too long or not one line: the limit is ${MAX_LABEL_VALUE} characters`,
    );
  }
  found.require(
    executor.registryAddress === '' || isHostPort(executor.registryAddress),
    'registry_address',
    () =>
      `registry address ${quote(executor.registryAddress)} is not of the form host:port: give what other executors reach the registry's node by`,
  );
  checkLabels('tag', executor.tags, 'tags', found);
  found.range(executor.capacity?.cpuMillis ?? 0, { least: 1, most: MAX_CPU_MILLIS }, 'capacity.cpu_millis', {
    what: 'cpu capacity',
    show: formatCpu,
  });
  found.range(
    executor.capacity?.memoryBytes ?? 0n,
    { least: 1n, most: MAX_MEMORY_BYTES },
    'capacity.memory_bytes',
    { what: 'memory capacity', show: formatBytes },
  );
  found.throwIfAny();
}
