import { InstanceState } from '../../gen/gilliam/v1/instance';
import { shortName } from '../../resource/instance';
import type { Instance } from '../../resource/objects';
import type { CronHappening } from './happening';

/** What became of a run that has ended. */
export function resultOf(run: Instance): CronHappening {
  const { state, message, exitCode } = run.status;
  const name = shortName(run);
  if (state === InstanceState.LOST) return failed(`${name} was lost with its executor`);
  if (exitCode !== undefined && exitCode !== 0) return failed(`${name} ended with exit code ${exitCode}`);
  if (state === InstanceState.FAILED)
    return failed(`${name} could not be run: ${message || 'see gilliam why'}`);
  // Without an exit code it was stopped before it began.
  if (exitCode === undefined) return failed(`${name} was stopped`);
  return { reason: 'Succeeded', message: `${name} ended with exit code 0` };
}

function failed(message: string): CronHappening {
  return { reason: 'Failed', message };
}
