import Docker from 'dockerode';
import type { ContainerMeter, ContainerUsage } from './container-meter';

interface Stats {
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
  readonly memory_stats?: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
}

/** Asks the engine, for where its control groups cannot be seen: an engine on another machine, or one in a container. */
export class EngineMeter implements ContainerMeter {
  readonly #docker: Docker;
  #memoryBytes: number | undefined;

  constructor(options: { readonly socketPath?: string } = {}) {
    this.#docker = new Docker(options);
  }

  async read(containerId: string, signal: AbortSignal): Promise<ContainerUsage | undefined> {
    // Without `one-shot` the engine takes two looks, a second apart, for a mean that we do not need.
    const options = { stream: false, 'one-shot': true, abortSignal: signal } as const;
    const answer = (await this.#docker.getContainer(containerId).stats(options)) as unknown as Stats;
    const { cpu_stats: cpu, memory_stats: memory } = answer;
    const total = cpu?.cpu_usage?.total_usage ?? 0;
    if (total === 0 || memory?.usage === undefined) return undefined;
    const inactive = memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0;
    // The engine says all that the machine has where there is no limit.
    this.#memoryBytes ??= ((await this.#docker.info()) as { MemTotal: number }).MemTotal;
    const limited = memory.limit !== undefined && memory.limit < this.#memoryBytes;
    return {
      cpuUs: BigInt(Math.floor(total / 1_000)),
      memoryBytes: BigInt(Math.max(0, memory.usage - inactive)),
      memoryLimitBytes: limited ? BigInt(memory.limit ?? 0) : 0n,
    };
  }
}

/** The first that can say something. */
export function firstOf(...meters: readonly ContainerMeter[]): ContainerMeter {
  return {
    async read(containerId, signal) {
      for (const meter of meters) {
        const usage = await meter.read(containerId, signal);
        if (usage) return usage;
      }
      return undefined;
    },
  };
}
