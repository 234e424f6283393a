import { sleep } from '../../../pkg/base/clock';
import { CompactedError, GilliamError, NotFoundError, PreconditionError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import type { Rollout } from '../../../pkg/gen/gilliam/v1/rollout';
import { Change_Type } from '../../../pkg/gen/gilliam/v1/watch_service';
import type { Context } from '../context';

const retryMs = 500;

/**
 * A formation's rollout, now and after each change. A control plane that is away is waited for. Throws NotFoundError
 * when the formation is deleted, PreconditionError when another rollout takes the place of this one.
 */
export async function* followRollout(
  client: Client,
  begun: Rollout,
  { clock, signal }: Pick<Context, 'clock' | 'signal'>,
): AsyncGenerator<Rollout> {
  const formation = begun.metadata?.formation ?? '';
  const parent = `formations/${formation}`;
  for (;;) {
    try {
      const { rollout } = await client.rollouts.getRollout(
        { name: `${parent}/rollouts/current` },
        { signal },
      );
      if (!rollout) throw gone(formation);
      yield same(begun, rollout);
      const afterRevision = rollout.metadata?.revision ?? 0n;
      const request = { parent, kinds: ['Rollout'], afterRevision };
      for await (const { changes } of client.watch.watch(request, { signal })) {
        for (const { type, object } of changes) {
          if (object?.$case !== 'rollout') continue;
          if (type === Change_Type.DELETE) throw gone(formation);
          yield same(begun, object.value);
        }
      }
    } catch (error) {
      if (signal.aborted || !mayPass(error)) throw error;
      await sleep(clock, retryMs, signal);
    }
  }
}

function same(begun: Rollout, now: Rollout): Rollout {
  if (now.metadata?.uid === begun.metadata?.uid) return now;
  throw new PreconditionError(
    `the rollout to ${begun.spec?.to} has made way for one to ${now.spec?.to}: gilliam events`,
  );
}

function gone(formation: string): NotFoundError {
  return new NotFoundError(`${formation} was deleted, and its rollout with it: gilliam create`);
}

function mayPass(error: unknown): boolean {
  return error instanceof CompactedError || (error instanceof GilliamError && error.retryable);
}
