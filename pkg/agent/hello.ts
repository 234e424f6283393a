import { cpus, totalmem } from 'node:os';
import type { Hello } from '../gen/gilliam/v1/session_service';
import type { AgentConfig } from './config';
import type { Driver } from './driver';

/** What the executor says of itself. Without its engine it still knows its machine. */
export async function helloOf(
  config: AgentConfig,
  driver: Pick<Driver, 'info'>,
  signal: AbortSignal,
): Promise<Hello> {
  const machine = await driver
    .info(signal)
    .catch(() => ({ cpuMillis: cpus().length * 1000, memoryBytes: totalmem() }));
  return {
    name: config.name,
    host: config.host,
    domain: config.domain ?? '',
    tags: { ...config.tags },
    capacity: {
      cpuMillis: config.capacity?.cpuMillis ?? machine.cpuMillis,
      memoryBytes: config.capacity?.memoryBytes ?? BigInt(machine.memoryBytes),
    },
    version: config.version,
    registryAddress: config.registryAddress ?? '',
  };
}
