import type { Process } from '../gen/gilliam/v1/release';
import { DEFAULT_RANK, limitsOf, rankOf } from '../resource/defaults';
import type { Instance } from '../resource/objects';
import type { Expression } from './expression';
import { rank, requirement } from './expression';
import { hashText } from './hash';

/** What an instance asks of the executor that is to run it. Instances with the same demand are placed alike. */
export interface Demand {
  /** Equal for equal demands. */
  readonly key: string;
  /** `shop/web`: whose instances `nsame` counts, of whatever release. */
  readonly process: string;
  readonly processHash: number;
  /** 0 for no reservation. */
  readonly cpuMillis: number;
  /** 0 for no reservation. A number, as bigints are slow and 2^53 bytes are plenty. */
  readonly memoryBytes: number;
  readonly requirements: readonly Expression<boolean>[];
  /** Undefined for the default, which needs no interpreter. */
  readonly rank: Expression<number> | undefined;
}

export function processKey(instance: Instance): string {
  return `${instance.metadata.formation}/${instance.spec.process}`;
}

export function demandOf(instance: Instance, process: Process): Demand {
  const { cpuMillis, memoryBytes } = limitsOf(process);
  const key = processKey(instance);
  const rankText = rankOf(process);
  return {
    key: JSON.stringify([key, cpuMillis, Number(memoryBytes), process.requirements, rankText]),
    process: key,
    processHash: hashText(key),
    cpuMillis,
    memoryBytes: Number(memoryBytes),
    requirements: process.requirements.map(requirement),
    rank: rankText === DEFAULT_RANK ? undefined : rank(rankText),
  };
}
