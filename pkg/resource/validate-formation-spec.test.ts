import type { InvalidError } from '../base/errors';
import type { DeepPartial } from '../gen/gilliam/v1/formation';
import { FormationSpec } from '../gen/gilliam/v1/formation';
import { checkFormationSpec } from './validate-formation-spec';
import { Violations } from './violations';

function errorsOf(spec: DeepPartial<FormationSpec>, services?: string[]): string[] {
  const found = new Violations();
  checkFormationSpec(FormationSpec.fromPartial(spec), { formation: 'blog', services, field: 'spec', found });
  try {
    found.throwIfAny();
    return [];
  } catch (error) {
    return (error as InvalidError).violations.map(({ field, description }) => `${field}: ${description}`);
  }
}

const services = ['web', '_cache'];

test.each<[string, DeepPartial<FormationSpec>]>([
  ['nothing', {}],
  ['a rule', { scaling: { web: { min: 0, max: 20, target: { cpuPercent: 60, p95Ms: 200 } } } }],
  ['a fixed number', { scaling: { web: { min: 3, max: 3 } } }],
  ['shares', { shares: { _cache: { with: ['shop', '*'] }, web: { with: ['shop'] } } }],
  ['imports', { imports: { users: 'web.accounts', _store: '_db.accounts' } }],
])('%s is taken', (_, spec) => {
  expect(errorsOf(spec, services)).toEqual([]);
});

test.each<[string, DeepPartial<FormationSpec>, string]>([
  [
    'min above max',
    { scaling: { web: { min: 3, max: 2 } } },
    'min is 3 and max is 2: min must not be above max',
  ],
  ['no max', { scaling: { web: { min: 0 } } }, 'scaling of web: max is 0: it must be from 1 to 100,000'],
  ['an unknown process', { scaling: { wbe: { max: 2 } } }, 'blog has no process "wbe": did you mean "web"?'],
  [
    'more memory than all',
    { scaling: { web: { max: 2, target: { memoryPercent: 101 } } } },
    'memory_percent is 101',
  ],
  ['a share of nothing', { shares: { api: { with: ['*'] } } }, 'shares: blog has no process "api"'],
  ['a share with nobody', { shares: { web: {} } }, 'the share of web is with nobody'],
  ['a share with no name', { shares: { web: { with: ['Shop'] } } }, 'formation name "Shop" is not allowed'],
  ['an import of no service', { imports: { users: 'accounts' } }, '"accounts", which is no service'],
  ['an import of its own', { imports: { users: 'web.blog' } }, "which is blog's own"],
  [
    'an import by the name of a process',
    { imports: { web: 'web.accounts' } },
    'has a process "web" of its own',
  ],
  [
    'an import by no name',
    { imports: { 'a.b': 'web.accounts' } },
    'imports: local name "a.b" is not allowed',
  ],
  ['too many instances', { limits: { maxInstances: 100_001 } }, 'max_instances is 100,001'],
])('%s is refused', (_, spec, message) => {
  expect(errorsOf(spec, services).join('\n')).toContain(message);
});

test('before the first release nothing is known of processes', () => {
  expect(errorsOf({ scaling: { web: { max: 2 } }, shares: { _cache: { with: ['*'] } } })).toEqual([]);
});
