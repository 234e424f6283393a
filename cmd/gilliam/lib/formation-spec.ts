import type { Client } from '../../../pkg/client/client';
import type { DeepPartial, Formation, FormationSpec } from '../../../pkg/gen/gilliam/v1/formation';

export async function getFormation(client: Client, parent: string, signal: AbortSignal): Promise<Formation> {
  const { formation } = await client.formations.getFormation({ name: parent }, { signal });
  if (!formation) throw new Error('the answer has no formation');
  return formation;
}

/** Changes what `mask` names, unless the formation has changed since it was read. */
export async function updateFormation(
  client: Client,
  before: Formation,
  change: {
    readonly spec: DeepPartial<FormationSpec>;
    readonly mask: readonly string[];
    readonly plan: boolean;
  },
  signal: AbortSignal,
): Promise<Formation> {
  const { name, revision } = before.metadata ?? {};
  const { formation } = await client.formations.updateFormation(
    {
      formation: { metadata: { name, revision }, spec: change.spec },
      updateMask: [...change.mask],
      validateOnly: change.plan,
    },
    { signal },
  );
  return formation ?? before;
}
