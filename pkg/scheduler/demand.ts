import type { Process } from '../gen/gilliam/v1/release';
import { DEFAULT_RANK, limitsOf, rankOf } from '../resource/defaults';
import type { Instance } from '../resource/objects';
import type { Expression } from './expression';
import { rank, requirement } from './expression';
import type { LocatedVolume } from './located-volume';

/**
 * What an instance asks of the executor that is to run it. Instances with the same demand are placed alike, whatever
 * their process: most services of a stage ask for one of a few sizes, and for nothing else.
 */
export interface Demand {
  /** Equal for equal demands. */
  readonly key: string;
  /** Whose instances `nsame` counts: `shop/web`. Undefined where nothing reads it. */
  readonly process: string | undefined;
  /** 0 for no reservation. */
  readonly cpuMillis: number;
  /** 0 for no reservation. A number, as bigints are slow and 2^53 bytes are plenty. */
  readonly memoryBytes: number;
  readonly requirements: readonly Expression<boolean>[];
  /** Undefined for the default, which needs no interpreter. */
  readonly rank: Expression<number> | undefined;
  /** The only executor that will do, by somebody's wish. */
  readonly executor: string | undefined;
  /** What the instance keeps and there is already; empty for most. */
  readonly volumes: readonly LocatedVolume[];
}

/** A process of a formation, of whatever release: `shop/web`. */
export function processKey(instance: Instance): string {
  return `${instance.metadata.formation}/${instance.spec.process}`;
}

export function demandOf(instance: Instance, process: Process): Demand {
  const { cpuMillis, memoryBytes } = limitsOf(process);
  const requirements = process.requirements.map(requirement);
  const rankText = rankOf(process);
  const ranked = rankText === DEFAULT_RANK ? undefined : rank(rankText);
  const readsProcess = [...requirements, ranked].some((each) => each?.reads.variables.has('nsame'));
  const counted = readsProcess ? processKey(instance) : undefined;
  return {
    key: JSON.stringify([counted, cpuMillis, Number(memoryBytes), process.requirements, rankText]),
    process: counted,
    cpuMillis,
    memoryBytes: Number(memoryBytes),
    requirements,
    rank: ranked,
    executor: undefined,
    volumes: [],
  };
}

/** The demand of one instance that may not go anywhere: the same for those that are confined alike. */
export function confined(demand: Demand, executor: string, volumes: readonly LocatedVolume[]): Demand {
  if (executor === '' && volumes.length === 0) return demand;
  // Not by name only: volumes of different formations are called alike.
  const where = volumes.map((volume) => [volume.name, volume.executor, volume.deleted]);
  const key = JSON.stringify([demand.key, executor, where]);
  return { ...demand, key, executor: executor || undefined, volumes };
}
