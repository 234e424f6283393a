import { nearest, suggestion } from './suggest';

describe('suggestion', () => {
  const known = ['web', 'worker', 'clock'];

  test.each([
    ['workr', 'worker'],
    ['wbe', 'web'],
    ['Web', 'web'],
    ['workers', 'worker'],
    ['x', undefined],
    ['database', undefined],
    ['w'.repeat(1_000), undefined],
  ])('%s was probably meant as %s', (wanted, expected) => {
    expect(nearest(wanted, known)).toBe(expected);
  });

  test.each<[string, readonly string[], string]>([
    ['workr', known, 'did you mean "worker"?'],
    ['database', known, 'there are clock, web and worker'],
    ['database', ['web'], 'there is only web'],
    ['web', [], 'there is none'],
    ['zzzzzzzz', ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7'], 'there are a1, a2, a3, a4, a5 and 2 more'],
  ])('%s among %j: %s', (wanted, among, expected) => {
    expect(suggestion(wanted, among)).toBe(expected);
  });
});
