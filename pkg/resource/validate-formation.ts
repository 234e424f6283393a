import type { FormationSpec } from '../gen/gilliam/v1/formation';
import type { Metadata } from '../gen/gilliam/v1/metadata';
import { formationNameViolation } from './names';
import { checkFormationSpec } from './validate-formation-spec';
import { checkLabels } from './validate-labels';
import { Violations } from './violations';

/** Throws InvalidError unless the formation may be created as it is. */
export function validateFormation(formation: {
  readonly metadata?: Metadata;
  readonly spec?: FormationSpec;
}): void {
  const found = new Violations();
  const name = formation.metadata?.name ?? '';
  const violation = formationNameViolation(name);
  if (violation !== undefined) found.add('formation.metadata.name', violation);
  checkLabels('label', formation.metadata?.labels ?? {}, 'formation.metadata.labels', found);
  if (formation.spec) {
    checkFormationSpec(formation.spec, { formation: name, field: 'formation.spec', found });
  }
  found.throwIfAny();
}
