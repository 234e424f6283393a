import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type Client } from '../../pkg/client/client';
import type { StageHarness } from '../../test/e2e/harness';

/** A client of the stage's API, as any tool has it: by the address and the token in the stage file. */
export function clientOf(stage: StageHarness): Client {
  const path = join(stage.env.GILLIAM_HOME as string, 'stages', `${stage.stage}.json`);
  const { api, token } = JSON.parse(readFileSync(path, 'utf8')) as { api: string; token: string };
  return connect({ address: api, token, stage: stage.stage });
}

/** Sets a process's factor in the formation's release `v1`. */
export async function scale(
  client: Client,
  formation: string,
  factors: Record<string, number>,
): Promise<void> {
  await client.scales.updateScale({
    scale: {
      metadata: { name: 'v1', formation, uid: '', generation: 0n, revision: 0n, labels: {} },
      spec: { factors },
    },
  });
}
