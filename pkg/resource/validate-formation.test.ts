import { FormationSpec } from '../gen/gilliam/v1/formation';
import type { DeepPartial } from '../gen/gilliam/v1/metadata';
import { Metadata } from '../gen/gilliam/v1/metadata';
import { validateFormation } from './validate-formation';

function validate(metadata: DeepPartial<Metadata>, maxInstances = 0): void {
  validateFormation({
    metadata: Metadata.fromPartial(metadata),
    spec: FormationSpec.fromPartial({ limits: { maxInstances } }),
  });
}

describe('a formation', () => {
  test('is taken with a label for a name', () => {
    expect(() => validate({ name: 'hello', labels: { 'team.example/owner': 'Ann B' } }, 5)).not.toThrow();
  });

  test.each<[DeepPartial<Metadata>, string]>([
    [{ name: '' }, 'formation name is missing: use 1 to 63'],
    [{ name: 'Hello' }, 'formation name "Hello" is not allowed: use 1 to 63'],
    [{ name: '../x' }, 'formation name "../x" is not allowed: use 1 to 63'],
    [{ name: 'gilliam' }, 'formation name "gilliam" is reserved: names such as api.gilliam.service are'],
    [{ name: '-' }, 'formation name "-" is not allowed: use 1 to 63'],
    [{ name: 'a', labels: { 'a b': '' } }, 'label name "a b" is not allowed: use 1 to 128'],
    [{ name: 'a', labels: { a: 'x\ny' } }, 'label "a" has a value that is too long or not one line'],
    [
      { name: 'a', labels: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`l${index}`, ''])) },
      'there are 65 labels: the limit is 64',
    ],
  ])('is refused: %j', (metadata, message) => {
    expect(() => validate(metadata)).toThrow(message);
  });

  test('is refused with a limit beyond all limits', () => {
    expect(() => validate({ name: 'a' }, 100_001)).toThrow(
      'max_instances is 100,001: it must be from 0 to 100,000',
    );
  });
});
