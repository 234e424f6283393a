import { InvalidError } from '../base/errors';
import { parseRegistry } from './registry-setting';

test.each([
  ['http://127.0.0.1:4414', { origin: 'http://127.0.0.1:4414', shown: 'http://127.0.0.1:4414' }],
  ['https://registry.example', { origin: 'https://registry.example', shown: 'https://registry.example' }],
  [
    'https://ada:s%3Aecret@registry.example:5000/',
    {
      origin: 'https://registry.example:5000',
      shown: 'https://registry.example:5000',
      authorization: `Basic ${Buffer.from('ada:s:ecret').toString('base64')}`,
    },
  ],
  [
    'unix:/var/lib/gilliam/prod/run/images.sock',
    {
      origin: 'http://images.invalid',
      socketPath: '/var/lib/gilliam/prod/run/images.sock',
      shown: 'unix:/var/lib/gilliam/prod/run/images.sock',
    },
  ],
])('%s is where a registry is', (setting, place) => {
  expect(parseRegistry(setting)).toEqual(place);
});

test.each([
  ['127.0.0.1:4414', 'is no URL'],
  ['registry.example', 'is no URL'],
  ['ftp://registry.example', 'is neither http, https nor unix'],
  ['https://registry.example/team', 'has more than a host and a port'],
  ['https://registry.example/?a', 'has more than a host and a port'],
  ['unix:images.sock', 'without its whole path'],
])('%s is refused: it %s', (setting, why) => {
  expect(() => parseRegistry(setting)).toThrow(InvalidError);
  expect(() => parseRegistry(setting)).toThrow(why);
});

test('a password is in no error', () => {
  expect(JSON.stringify(parseRegistry('https://ada:secret@registry.example').shown)).not.toContain('secret');
  expect(() => parseRegistry('https://ada:secret@registry.example/x')).toThrow(/^(?!.*secret)/);
});
