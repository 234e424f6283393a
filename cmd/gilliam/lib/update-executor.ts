import type { Client } from '../../../pkg/client/client';
import { Executor, type ExecutorSpec } from '../../../pkg/gen/gilliam/v1/executor';

/** Sets what the spec names, and leaves the rest as it is. */
export async function updateExecutor(
  client: Client,
  request: {
    readonly name: string;
    readonly spec: Partial<ExecutorSpec>;
    readonly validateOnly: boolean;
  },
  signal: AbortSignal,
): Promise<Executor> {
  const { name, spec, validateOnly } = request;
  const { executor } = await client.executors.updateExecutor(
    { executor: { metadata: { name }, spec }, updateMask: Object.keys(spec), validateOnly },
    { signal },
  );
  return executor ?? Executor.fromPartial({});
}
