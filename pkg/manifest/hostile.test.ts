import fc from 'fast-check';
import { stringify } from 'yaml';
import { MAX_VALUES } from './document';
import { faultsOf } from './testing';

describe('files that are made to hurt', () => {
  const bomb = ['x-a: &a [x, x, x, x, x, x, x, x, x, x]']
    .concat(
      [...'bcdefghij'].map(
        (name, at) => `x-${name}: &${name} [${Array(10).fill(`*${'abcdefghi'[at]}`).join(', ')}]`,
      ),
    )
    .join('\n');

  test.each<[string, string, RegExp]>([
    ['a bomb of aliases', bomb, /is one value too many: a file may come to 50000, aliases included/],
    ['5 MB', 'x'.repeat(5_000_000), /^gilliam\.yml is 4\.7 MiB, over the limit of 512 KiB/],
    ['deep lists', '['.repeat(500_000), /^gilliam\.yml:1:66: is nested too deep: at most 64 levels/],
    ['deep mappings', '{'.repeat(500_000), /:1:66: is nested too deep/],
    ['deep on one line', '- '.repeat(200_000), /:1:131: is nested too deep/],
    ['deep keys', `${'? '.repeat(200_000)}x`, /:1:131: is nested too deep/],
    ['deep but closed', `x-a: ${'['.repeat(100)}${']'.repeat(100)}`, /nested too deep: at most 64 levels/],
    ['too many values', `x-a:\n${'- 1\n'.repeat(MAX_VALUES + 1)}`, /is one value too many/],
  ])('%s', (_name, text, expected) => {
    const started = process.hrtime.bigint();
    expect(faultsOf(text)[0]).toMatch(expected);
    expect(Number(process.hrtime.bigint() - started) / 1e9).toBeLessThan(10);
  });

  test('any text is read or refused, and nothing else', () => {
    const pieces = [
      'processes',
      'web',
      'script',
      ': ',
      ':\n',
      '\n  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '&a ',
      '*a',
      '"',
      "'",
      '|',
      '?',
      '!',
      '#',
      '<<',
      '%',
      '\t',
      'x',
      '5',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 40 }), (words) => {
        expect(Array.isArray(faultsOf(words.join('')))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('any value is read or refused, and nothing else', () => {
    const key = fc.constantFrom(
      'processes',
      'web',
      'script',
      'env',
      'scale',
      'auxiliary',
      '_c',
      'type',
      'routes',
      'constructor',
      'toString',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom<unknown>('x', 'redis', 5, -1, true, null, '60%', 1.5),
        fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
        fc.array(tie('tree'), { maxLength: 3 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expect(Array.isArray(faultsOf(stringify(value)))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
