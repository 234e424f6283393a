import { withTold } from './with-told';

const body = { host: '10.0.0.1', port: 1, instance: 'web-1-1' };

test.each([
  [
    'what is said is kept',
    { sharedWith: ['blog'], trafficPercent: 5 },
    { sharedWith: ['blog'], trafficPercent: 5 },
  ],
  ['no share is said, too, and not kept', { trafficPercent: null }, {}],
  ['what is not known yet stays', {}, { sharedWith: ['*'], trafficPercent: 7 }],
])('%s', (_, said, kept) => {
  const before = { ...body, sharedWith: ['*'], trafficPercent: 7 };
  expect(withTold({ ...body, ...said }, before)).toEqual({ ...body, sharedWith: ['*'], ...kept });
});

test('another instance of the name is another one', () => {
  const before = { ...body, instance: 'web-1-0', trafficPercent: 7 };
  expect(withTold(body, before)).toEqual(body);
  expect(withTold(body, undefined)).toEqual(body);
});
