import fc from 'fast-check';
import { compareInstances } from './instance-order';

test('instances are in the order of their numbers, and those with names after them', () => {
  const given = ['10', '2', 'primary', '1', 'b-10', 'b-9', '1e3', '1000'];
  expect([...given].sort(compareInstances)).toEqual([
    '1',
    '1e3',
    '2',
    '10',
    '1000',
    'b-9',
    'b-10',
    'primary',
  ]);
});

test('it is one order, whatever is compared with what', () => {
  const instance = fc.stringMatching(/^[0-9a-f]([0-9a-f-]{0,3}[0-9a-f])?$/);
  fc.assert(
    fc.property(instance, instance, instance, (a, b, c) => {
      expect(Math.sign(compareInstances(a, b))).toBe(-Math.sign(compareInstances(b, a)) + 0);
      if (compareInstances(a, b) <= 0 && compareInstances(b, c) <= 0)
        expect(compareInstances(a, c)).toBeLessThanOrEqual(0);
      expect(compareInstances(a, b) === 0).toBe(a === b);
    }),
  );
});
