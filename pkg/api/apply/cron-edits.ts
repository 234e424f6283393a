import { isDeepStrictEqual } from 'node:util';
import { CronJobSpec, CronJobStatus } from '../../gen/gilliam/v1/cron_job';
import type { CronJob } from '../../resource/objects';
import type { ApiContext } from '../api-context';
import { newMetadata } from '../objects';
import { appliedLabel } from './applied-label';
import { wasApplied } from './route-edits';
import type { FormationState } from './state';
import type { Wish } from './wish';

/** What becomes of one cron job: made, changed or, without `after`, deleted. */
export interface CronEdit {
  readonly before?: CronJob;
  readonly after?: CronJob;
}

/** What has to be done to the formation's cron jobs. */
export function cronEdits(
  context: Pick<ApiContext, 'clock' | 'random'>,
  state: FormationState,
  { name: formation, desired, prune }: Wish,
): readonly CronEdit[] {
  const byName = new Map(state.cronJobs.map((job) => [job.metadata.name, job]));
  const edits = desired.cronJobs.flatMap(({ metadata, spec = CronJobSpec.fromPartial({}) }): CronEdit[] => {
    const name = metadata?.name ?? '';
    const before = byName.get(name);
    byName.delete(name);
    if (!before) {
      const made = newMetadata(context, { formation, name }, { [appliedLabel]: 'true' });
      return [{ after: { metadata: made, spec, status: CronJobStatus.fromPartial({}) } }];
    }
    if (isDeepStrictEqual(before.spec, spec)) return [];
    const generation = before.metadata.generation + 1n;
    return [{ before, after: { ...before, metadata: { ...before.metadata, generation }, spec } }];
  });
  const gone = prune ? [...byName.values()].filter(wasApplied) : [];
  return [...edits, ...gone.map((before) => ({ before }))];
}
