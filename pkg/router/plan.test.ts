import { failureIn, planServers, type RunningServer } from './plan';

const server = (name: string, weight = 1) => ({ name, address: '10.0.0.1', port: 80, weight });
const serving = (weight = 1): RunningServer => ({ weight, retired: false });

test.each([
  [
    'a new server is added and enabled',
    {},
    [server('a')],
    ['add server b/a 10.0.0.1:80 weight 1', 'enable server b/a'],
  ],
  ['one that is as it should be is left alone', { a: serving() }, [server('a')], []],
  [
    'one that is gone gets nothing new, sticky clients included',
    { a: serving() },
    [],
    ['set server b/a state maint'],
  ],
  ['one that is gone already is not told again', { a: { weight: 1, retired: true } }, [], []],
  [
    'one that comes back takes up its name',
    { a: { weight: 1, retired: true } },
    [server('a')],
    ['set server b/a state ready'],
  ],
  ['a weight is changed in place', { a: serving(3) }, [server('a', 5)], ['set server b/a weight 5']],
])('%s', (_, running, wanted, commands) => {
  expect(planServers('b', new Map(Object.entries(running)), wanted).commands).toEqual(commands);
});

test('a plan carried out leaves nothing to be done', () => {
  const first = planServers('b', new Map([['old', serving()]]), [server('a'), server('c', 7)]);
  expect(planServers('b', first.running, [server('a'), server('c', 7)]).commands).toEqual([]);
});

test('an answer that is no success names its command', () => {
  expect(failureIn(['one', 'two'], ['New server registered.', ''])).toBeUndefined();
  expect(failureIn(['one', 'two'], ['', 'No such server.'])).toBe('two: No such server.');
});
