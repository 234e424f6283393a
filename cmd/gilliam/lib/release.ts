import { sleep } from '../../../pkg/base/clock';
import { GilliamError, InternalError, NotFoundError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import type { Release } from '../../../pkg/gen/gilliam/v1/release';
import { type ReleaseSpec } from '../../../pkg/gen/gilliam/v1/release';
import type { Context } from '../context';

export interface ReleaseRequest {
  readonly parent: string;
  readonly spec: Partial<ReleaseSpec>;
  readonly updateMask: readonly string[];
  readonly validateOnly?: boolean;
}

export interface Released {
  readonly release: Release;
  /** False when the newest release is exactly this already. */
  readonly created: boolean;
}

const attempts = 4;
const retryMs = 500;

/**
 * Makes the formation's next release. A request whose answer was lost is repeated under the same id, so that it makes
 * one release whatever happens.
 */
export async function createRelease(
  client: Client,
  { clock, random, signal }: Pick<Context, 'clock' | 'random' | 'signal'>,
  request: ReleaseRequest,
): Promise<Released> {
  const requestId = random.uuid();
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { updateMask, ...rest } = request;
      const answer = await client.releases.createRelease(
        { ...rest, updateMask: [...updateMask], requestId },
        { signal },
      );
      if (!answer.release)
        throw new InternalError('the control plane answered without a release: gilliam releases');
      return { release: answer.release, created: answer.created };
    } catch (error) {
      if (attempt === attempts || !(error instanceof GilliamError && error.retryable)) throw error;
      await sleep(clock, retryMs, signal);
    }
  }
}

/** The formation's newest release; undefined before the first. Throws NotFoundError without such a formation. */
export async function newestRelease(
  client: Client,
  formation: string,
  signal: AbortSignal,
): Promise<Release | undefined> {
  try {
    const name = `formations/${formation}/releases/-`;
    return (await client.releases.getRelease({ name }, { signal })).release;
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    // Which of the two is not there?
    await client.formations.getFormation({ name: `formations/${formation}` }, { signal });
    return undefined;
  }
}
