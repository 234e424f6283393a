import { commands, loadCommand } from '../commands';
import { type Source, completions } from './completions';

const names: Readonly<Record<Source, readonly string[]>> = {
  stages: ['local', 'prod'],
  formations: ['bank', 'shop'],
  releases: ['v1', 'v2'],
  processes: ['web', 'worker'],
  instances: ['web.1', 'web.2'],
  executors: ['node-1'],
  routes: ['hello', 'user'],
  variables: ['POOL_SIZE'],
};

const complete = (line: string) =>
  completions(line.split(' '), loadCommand, Object.keys(commands), async (source) => names[source]);

test.each([
  ['sca', ['scale']],
  ['exec', ['exec', 'executors', 'executor']],
  ['exec w', ['web.1', 'web.2']],
  ['run -r v', ['v1', 'v2']],
  ['spawn w', ['web', 'worker']],
  ['executor ', ['cordon', 'uncordon', 'drain', 'invite', 'forget']],
  ['executor forget ', ['node-1']],
  ['executor drain ', ['node-1']],
  ['scale w', ['web=', 'worker=']],
  ['scale ', ['v1', 'v2', 'web=', 'worker=']],
  ['scale web=', ['web=']],
  ['scale --w', ['--wait']],
  ['logs web', ['web', 'web.1', 'web.2']],
  ['ps --formation ', ['bank', 'shop']],
  ['ps --stage p', ['prod']],
  ['config --unset ', ['POOL_SIZE']],
  ['config P', ['POOL_SIZE=']],
  ['completion ', ['bash', 'zsh', 'fish']],
  ['deploy --message ', []],
  ['route --delete ', ['hello', 'user']],
  ['route -d u', ['user']],
  ['route -f b', ['bank']],
  ['route --res', ['--response-set-header', '--response-add-header', '--response-remove-header']],
  ['resolve w', ['web', 'worker']],
  ['resolve web --executor ', ['node-1']],
  ['nope ', []],
])('gilliam %s', async (line, found) => {
  expect(await complete(line)).toEqual(found);
});

test('hidden commands are not proposed', async () => {
  expect(await complete('_')).toEqual([]);
});

test('the flags that stand before the cursor say whose names are looked up', async () => {
  const asked: unknown[] = [];
  await completions(
    ['why', '--formation', 'bank', '--stage=prod', ''],
    loadCommand,
    Object.keys(commands),
    async (_, given) => {
      asked.push(given);
      return [];
    },
  );
  await completions(
    ['route', '-f', 'bank', '-d', ''],
    loadCommand,
    Object.keys(commands),
    async (_, given) => {
      asked.push(given);
      return [];
    },
  );
  expect(asked).toEqual([{ formation: 'bank', stage: 'prod' }, { formation: 'bank' }]);
});
