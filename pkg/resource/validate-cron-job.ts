import { CronJobSpec_Overlap, type CronJobSpec } from '../gen/gilliam/v1/cron_job';
import type { Process } from '../gen/gilliam/v1/release';
import { MAX_CRON_CATCH_UP_MS, MAX_CRON_DEADLINE_MS } from './bounds';
import { entryOf } from './entries';
import { isLabel, labelViolation, quote } from './names';
import { readSchedule } from './schedule';
import { suggestion } from './suggest';
import { checkCommand } from './validate-command';
import { Violations } from './violations';

/** The name of single commands. */
const reserved = 'run';

export interface CronJobContext {
  /** Those of the release that the job would run in now; absent before the first. */
  readonly processes?: Readonly<Record<string, Process>>;
  /** The job's path in the request. Default `cron_job`. */
  readonly field?: string;
}

/** Throws InvalidError unless the job may be as it is: a schedule that never fires is one reason. */
export function validateCronJob(name: string, spec: CronJobSpec, context: CronJobContext = {}): void {
  const found = new Violations();
  checkCronJob(name, spec, { ...context, found });
  found.throwIfAny();
}

/** As validateCronJob, for one of several. */
export function checkCronJob(
  name: string,
  spec: CronJobSpec,
  { processes, field = 'cron_job', found }: CronJobContext & { readonly found: Violations },
): void {
  const what = `cron job ${name}`;
  const inside = `${field}.spec`;
  found.require(isLabel(name), `${field}.metadata.name`, () => labelViolation('cron job name', name));
  // Its runs are instances by its name.
  found.require(
    name !== reserved && (!processes || entryOf(processes, name) === undefined),
    `${field}.metadata.name`,
    () => `${what} has the name of a process, or run: choose another, since its runs are called ${name}.1`,
  );
  const read = readSchedule(spec.schedule, spec.timeZone);
  if ('description' in read) found.add(`${inside}.${read.field}`, `${what}: ${read.description}`);
  found.require(
    spec.command.length > 0,
    `${inside}.command`,
    () => `${what} has no command: give the program to run`,
  );
  if (spec.command.length > 0) {
    checkCommand(spec.command, { what, field: `${inside}.command`, found });
  }
  found.require(
    spec.process === '' || !processes || entryOf(processes, spec.process) !== undefined,
    `${inside}.process`,
    () =>
      `${what}: there is no process ${quote(spec.process)}: ${suggestion(spec.process, Object.keys(processes ?? {}))}`,
  );
  found.require(
    spec.overlap !== CronJobSpec_Overlap.UNRECOGNIZED,
    `${inside}.overlap`,
    () => `${what}: overlap is none that is known: use skip, allow or replace`,
  );
  const show = (ms: number) => `${ms.toLocaleString('en-US')} ms`;
  found.range(spec.catchUpMs, { least: 0, most: MAX_CRON_CATCH_UP_MS }, `${inside}.catch_up_ms`, {
    what: `${what}: catch-up`,
    show,
  });
  found.range(spec.deadlineMs, { least: 0, most: MAX_CRON_DEADLINE_MS }, `${inside}.deadline_ms`, {
    what: `${what}: deadline`,
    show,
  });
}
