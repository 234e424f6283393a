import { InvalidError } from '../base/errors';
import type { DeepPartial } from '../gen/gilliam/v1/cron_job';
import { CronJobSpec } from '../gen/gilliam/v1/cron_job';
import { Process } from '../gen/gilliam/v1/release';
import { validateCronJob } from './validate-cron-job';

const sound: DeepPartial<CronJobSpec> = { schedule: '30 2 * * *', command: ['backup'] };

function errorOf(name: string, over: DeepPartial<CronJobSpec>): string {
  try {
    const processes = { web: Process.fromPartial({}) };
    validateCronJob(name, CronJobSpec.fromPartial({ ...sound, ...over }), { processes });
    return '';
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    return error.violations.map(({ field, description }) => `${field}: ${description}`).join('\n');
  }
}

test('a job is taken', () => {
  expect(errorOf('nightly', {})).toBe('');
  expect(errorOf('nightly', { process: 'web', timeZone: 'Europe/Stockholm', deadlineMs: 1_000 })).toBe('');
});

test.each<[string, string, DeepPartial<CronJobSpec>, string]>([
  [
    'a line that never fires',
    'a',
    { schedule: '0 0 30 2 *' },
    'cron_job.spec.schedule: cron job a: schedule "0 0 30 2 *" never fires',
  ],
  ['four fields', 'a', { schedule: '* * * *' }, 'has 4 fields'],
  ['a zone that is none', 'a', { timeZone: 'Mars/Base' }, 'cron_job.spec.time_zone'],
  ['no command', 'a', { command: [] }, 'cron job a has no command'],
  ['an unknown process', 'a', { process: 'wbe' }, 'there is no process "wbe": did you mean "web"?'],
  ['the name of a process', 'web', {}, 'cron job web has the name of a process'],
  ['the name of single commands', 'run', {}, 'choose another'],
  ['no name', '', {}, 'cron job name is missing'],
  ['a long memory', 'a', { catchUpMs: 86_400_001 }, 'catch-up is 86,400,001 ms'],
])('%s is refused', (_, name, over, message) => {
  expect(errorOf(name, over)).toContain(message);
});
