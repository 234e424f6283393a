import { FormationSpec, type DeepPartial } from '../../gen/gilliam/v1/formation';
import { formations, instances, type Formation, type Instance } from '../../resource/objects';
import { taskVersion } from './assignment';
import { changesSurroundings, surroundingsOf } from './surroundings';

function formation(spec: DeepPartial<FormationSpec>): Formation {
  return { ...formations.decode(new Uint8Array()), spec: FormationSpec.fromPartial(spec) };
}

function instance(process: string): Instance {
  const empty = instances.decode(new Uint8Array());
  return { ...empty, spec: { ...empty.spec, process } };
}

const of = (one: Formation | undefined, process: string) =>
  surroundingsOf(instance(process), { get: () => one });
const shared = formation({ shares: { _cache: { with: ['blog'] } }, imports: { users: 'web.accounts' } });

test('a share is told to the instances of its service, imports to all', () => {
  expect(of(shared, '_cache')).toMatchObject({ sharedWith: ['blog'], imports: { users: 'web.accounts' } });
  expect(of(shared, 'web')).toMatchObject({ sharedWith: [], imports: { users: 'web.accounts' } });
  expect(of(shared, '_db').sharedWith).toEqual([]);
  expect(of(undefined, '_cache')).toMatchObject({ sharedWith: [], imports: {} });
});

test('a task is another one when its share or imports are, and not for their order', () => {
  const version = (one: Formation, process: string) => taskVersion(instance(process), of(one, process));
  const two = formation({ shares: { _cache: { with: ['blog', 'news'] } }, imports: shared.spec.imports });
  const turned = formation({ shares: { _cache: { with: ['news', 'blog'] } }, imports: shared.spec.imports });
  expect(version(two, '_cache')).not.toBe(version(shared, '_cache'));
  expect(version(two, '_cache')).toBe(version(turned, '_cache'));
  expect(version(two, 'web')).toBe(version(shared, 'web'));
  expect(version(formation({}), 'web')).not.toBe(version(shared, 'web'));
});

test('of what a formation is, only shares and imports concern its tasks', () => {
  const more = { ...shared, status: { ...shared.status, lastRelease: 7 } };
  expect(changesSurroundings(more, shared)).toBe(false);
  expect(changesSurroundings(formation({}), shared)).toBe(true);
  expect(changesSurroundings(shared, undefined)).toBe(true);
});
