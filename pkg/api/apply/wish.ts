import { InvalidError } from '../../base/errors';
import type { ApplyFormationRequest, DesiredFormation } from '../../gen/gilliam/v1/apply_service';
import {
  checkLabel,
  formationNameViolation,
  isLabel,
  labelViolation,
  parseName,
  quote,
} from '../../resource/names';
import { formations } from '../../resource/objects';
import { precedentOf } from '../../resource/precedent';
import { suggestion } from '../../resource/suggest';
import { checkCronJob } from '../../resource/validate-cron-job';
import { checkFormationSpec } from '../../resource/validate-formation-spec';
import { validateRelease } from '../../resource/validate-release';
import { Violations } from '../../resource/violations';
import { expressionChecker } from '../../scheduler/expression';
import { refuseSecrets } from '../release-secrets';
import type { NextRelease } from './next-release';
import type { FormationState } from './state';

/** What is asked for, of one formation. */
export interface Wish {
  /** The formation's name. */
  readonly name: string;
  readonly desired: DesiredFormation;
  readonly validateOnly: boolean;
  readonly prune: boolean;
  /** Whether a rollout that was taken back is begun again. */
  readonly retry: boolean;
  /** Empty for any. */
  readonly expectedPlan: string;
}

/** Reads a request. Throws InvalidError for what is wrong with it by itself. */
export function readWish(request: ApplyFormationRequest): Wish {
  const { name } = parseName(formations, request.name);
  checkLabel('formation name', name, 'name');
  const { desired, validateOnly, prune, retry, expectedPlan } = request;
  if (!desired) {
    const description = 'desired is missing: say what the formation is to be';
    throw new InvalidError(description, [{ field: 'desired', description }]);
  }
  if (desired.release) refuseSecrets(desired.release, 'desired.release');
  const found = new Violations();
  checkNames('route', desired.routes, 'desired.routes', found);
  checkNames('cron job', desired.cronJobs, 'desired.cron_jobs', found);
  found.throwIfAny();
  return { name, desired, validateOnly, prune, retry, expectedPlan };
}

/** Throws InvalidError for a name that no formation may be made with; one that there is already goes on. */
export function checkNewName({ name }: Wish): void {
  const violation = formationNameViolation(name);
  if (violation !== undefined) throw new InvalidError(violation, [{ field: 'name', description: violation }]);
}

/** Throws InvalidError with all that is wrong with the wish, now that it is known what would come of it. */
export function validateWish(
  { name, desired }: Wish,
  release: NextRelease | undefined,
  { releases }: Pick<FormationState, 'releases'>,
): void {
  const found = new Violations();
  const processes = release?.spec.processes ?? {};
  const services = Object.keys(processes);
  if (release?.isNew) {
    collect(found, () =>
      validateRelease(release.spec, expressionChecker, 'desired.release', precedentOf(releases)),
    );
  }
  if (desired.formation) {
    checkFormationSpec(desired.formation, { formation: name, services, field: 'desired.formation', found });
  }
  for (const process of Object.keys(desired.factors)) {
    found.require(
      services.includes(process),
      `desired.factors.${process}`,
      () => `factors: ${name} has no process ${quote(process)}: ${suggestion(process, services)}`,
    );
  }
  desired.cronJobs.forEach(({ metadata, spec }, index) => {
    const field = `desired.cron_jobs[${index}]`;
    if (spec) checkCronJob(metadata?.name ?? '', spec, { processes, field, found });
    else found.add(`${field}.spec`, `cron job ${metadata?.name} says nothing: give schedule and command`);
  });
  found.throwIfAny();
}

function checkNames(
  what: string,
  objects: readonly { readonly metadata?: { readonly name: string } }[],
  field: string,
  found: Violations,
): void {
  const names = new Set<string>();
  objects.forEach(({ metadata }, index) => {
    const name = metadata?.name ?? '';
    const here = `${field}[${index}].metadata.name`;
    found.require(isLabel(name), here, () => labelViolation(`${what} name`, name));
    found.require(
      !names.has(name),
      here,
      () => `${what} ${quote(name)} is there twice: name each differently`,
    );
    names.add(name);
  });
}

/** What the check throws, among the others. */
export function collect(found: Violations, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof InvalidError) || error.violations.length === 0) throw error;
    for (const { field, description } of error.violations) found.add(field, description);
  }
}
