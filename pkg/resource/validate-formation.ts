import type { FormationSpec } from '../gen/gilliam/v1/formation';
import type { Metadata } from '../gen/gilliam/v1/metadata';
import { isLabel, labelViolation } from './names';
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
  found.require(isLabel(name), 'formation.metadata.name', () => labelViolation('formation name', name));
  checkLabels('label', formation.metadata?.labels ?? {}, 'formation.metadata.labels', found);
  if (formation.spec) {
    checkFormationSpec(formation.spec, { formation: name, field: 'formation.spec', found });
  }
  found.throwIfAny();
}
