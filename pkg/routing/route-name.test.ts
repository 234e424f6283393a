import { isLabel } from '../resource/names';
import { routeNameOf } from './route-name';

test.each([
  ['myapp.com/user/{username}', 'myapp-com-user-username'],
  ['{acct}.api.myapp.com/user/{rest:.*}', 'acct-api-myapp-com-user-rest'],
  ['/year/{year:[0-9]{4}}', 'year-year'],
  ['/', 'route'],
  ['/123', 'route'],
  [`/${'a'.repeat(100)}`, 'a'.repeat(63)],
])('%s is called %s', (pattern, name) => {
  expect(routeNameOf(pattern, new Set())).toBe(name);
});

test('a name that is taken gets a number, and stays a label', () => {
  const long = 'a'.repeat(63);
  expect(routeNameOf('/a', new Set(['a', 'a-2']))).toBe('a-3');
  const name = routeNameOf(`/${long}`, new Set([long]));
  expect(name).toBe(`${'a'.repeat(61)}-2`);
  expect(isLabel(name)).toBe(true);
});
