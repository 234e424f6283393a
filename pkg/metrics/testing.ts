import { InstanceUsage, TrafficUsage, TrafficUsage_Source } from '../gen/gilliam/v1/usage';
import { usages, type Usage } from '../resource/objects';

/** A report of an executor, for tests: the revision says which is the newer. */
export function usageOf(
  executor: string,
  revision: number,
  said: {
    readonly instances?: readonly Partial<InstanceUsage>[];
    readonly traffic?: readonly Partial<TrafficUsage>[];
  },
): Usage {
  const empty = usages.decode(new Uint8Array());
  const of = { formation: 'shop', service: 'web', release: 'v1' };
  return {
    ...empty,
    metadata: { ...empty.metadata, name: executor, revision: BigInt(revision) },
    instances: (said.instances ?? []).map((one) =>
      InstanceUsage.fromPartial({ ...of, instance: 'web-1-1', ...one }),
    ),
    traffic: (said.traffic ?? []).map((one) =>
      TrafficUsage.fromPartial({ ...of, source: TrafficUsage_Source.ROUTER, epoch: 'a', ...one }),
    ),
  };
}
