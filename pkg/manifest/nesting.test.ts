import fc from 'fast-check';
import type { CST } from 'yaml';
import { Parser } from 'yaml';
import { nestedDeeper } from './nesting';

function tokensOf(text: string): readonly CST.Token[] {
  return [...new Parser().parse(text)];
}
const deeper = (text: string, levels: number) =>
  tokensOf(text)
    .map((token) => nestedDeeper(token, levels))
    .find((offset) => offset !== undefined);

describe('nestedDeeper', () => {
  test.each([
    ['a text', 'x', undefined],
    ['one that stands in one', 'a: [1]', undefined],
    ['one that stands in two', 'a: [[1]]', 4],
    ['the first of several', 'a: [[1], [2]]\nb: {c: [3]}', 4],
    ['block by block', 'a:\n  b:\n    c: 1\n', 12],
    ['lists on one line', '- - - 1\n', 4],
    ['keys', '? {[x]: 1}\n: 2\n', 3],
    ['what is not closed', '[[[', 2],
    ['after a comment', '# deep\n\na: {b: {c: 1}}\n', 15],
  ])('%s', (_name, text, offset) => {
    expect(deeper(text, 1)).toBe(offset);
  });

  test('counts as many levels as were written, in whatever style', () => {
    const style = fc.constantFrom<(inner: string) => string>(
      (inner) => `[${inner}]`,
      (inner) => `{a: ${inner}}`,
      (inner) => `[x, {b: ${inner}}, y]`,
    );
    fc.assert(
      fc.property(fc.array(style, { maxLength: 30 }), (styles) => {
        const text = styles.reduce((inner, wrap) => wrap(inner), '1');
        const depth = text.match(/[[{]/g)?.length ?? 0;
        expect(deeper(text, depth - 1)).toBeUndefined();
        if (depth > 1) expect(deeper(text, depth - 2)).toBeDefined();
      }),
    );
  });

  test('takes no stack of its own', () => {
    expect(deeper('['.repeat(100_000), 99_998)).toBe(99_999);
  });
});
