import type { Client } from '../../../pkg/client/client';
import type { RolloutSpec_Intent } from '../../../pkg/gen/gilliam/v1/rollout';
import { Rollout, RolloutSpec } from '../../../pkg/gen/gilliam/v1/rollout';

/** Asks for the rollout of a formation to be promoted or taken back. */
export async function changeRollout(
  client: Client,
  change: {
    readonly formation: string;
    readonly intent: RolloutSpec_Intent.PROMOTE | RolloutSpec_Intent.ABORT;
    readonly validateOnly: boolean;
  },
  signal: AbortSignal,
): Promise<Rollout> {
  const { formation, intent, validateOnly } = change;
  const { rollout } = await client.rollouts.updateRollout(
    {
      rollout: { metadata: { formation }, spec: RolloutSpec.fromPartial({ intent }) },
      updateMask: ['intent'],
      validateOnly,
    },
    { signal },
  );
  return rollout ?? Rollout.fromPartial({});
}
