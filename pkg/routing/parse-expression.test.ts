import fc from 'fast-check';
import { SyntaxFault } from './expression';
import { parseExpression } from './parse-expression';
import { printExpression } from './print-expression';
import { refuseRunaway } from './runaway';

const canonical = (text: string) => printExpression(parseExpression(text).expression, false);
const faultOf = (text: string) => {
  try {
    refuseRunaway(parseExpression(text).expression);
    return undefined;
  } catch (error) {
    if (error instanceof SyntaxFault) return { message: error.message, column: error.column };
    throw error;
  }
};

test.each([
  ['\\d+', '[0-9]+'],
  ['[0-9]+', '[0-9]+'],
  ['[3-90-2]', '[0-9]'],
  ['[^/]*', '[^/]*'],
  ['[^\\/]*', '[^/]*'],
  ['a.b', 'a.b'],
  ['a\\.b', 'a[.]b'],
  ['(a|b)c', '(?:a|b)c'],
  ['(?:a|b)c', '(?:a|b)c'],
  ['a{3}', 'a{3}'],
  ['a{0,1}', 'a?'],
  ['(ab){2,3}', '(?:ab){2,3}'],
  ['[\\]\\\\^-]', '[\\-\\\\-\\^]'],
  ['[a-]', '[\\-a]'],
  ['\\W', '[^0-9A-Z_a-z]'],
  ['x|', 'x|'],
])('%s is %s', (text, expected) => {
  expect(canonical(text)).toBe(expected);
});

test.each<[string, string, number]>([
  ['(a+)+b', 'could run away', 2],
  ['(a|a)*b', 'could run away', 2],
  ['(a|aa)+b', 'could run away', 2],
  ['a*a*b', 'could run away', 3],
  ['.*x.*y', 'could run away', 4],
  ['(.*,)*y', 'could run away', 2],
  ['([a-z]+)*', 'could run away', 2],
  ['(a*)*', 'may be empty', 5],
  ['(a?){5}', 'may be empty', 5],
  ['(|a)+', 'may be empty', 5],
  ['a?a?a?a?a?a?a?a?a?b', 'could run away', 17],
  ['(a|)(a|)(a|)(a|)(a|)(a|)(a|)(a|)(a|)b', 'could run away', 34],
  ['a(|)(|)(|)(|)(|)(|)', 'could run away', 1],
  ['(a)\\1', 'back references', 4],
  ['(?=a)a', 'look-around', 1],
  ['(?<!a)a', 'look-around', 1],
  ['(?<name>a)', 'named groups', 1],
  ['(?i)a', 'flags', 1],
  ['a*?', 'lazy and possessive', 3],
  ['a++', 'lazy and possessive', 3],
  ['a**', 'cannot be repeated', 3],
  ['a{2}{3}', 'cannot be repeated', 5],
  ['a{2,}', 'without an upper bound', 2],
  ['a{,3}', 'form {n} or {n,m}', 2],
  ['a{101}', 'at most 100', 2],
  ['a{9999999}', 'form {n} or {n,m}', 2],
  ['a{3,2}', 'the second is too small', 2],
  ['a{0}', 'the second is too small', 2],
  ['((a{50}){50}){50}', 'too long', 3],
  ['^a', 'leave ^ out', 1],
  ['a$', 'leave $ out', 2],
  ['*a', 'nothing is before this *', 1],
  ['[]a]', 'class of no characters', 1],
  ['[^]', 'class of no characters', 1],
  ['[[:alpha:]]', 'nested classes', 2],
  ['[z-a]', 'wrong way round', 2],
  ['[\\d-z]', 'from one character to another', 2],
  ['[a', 'nothing closes this [', 1],
  ['(a', 'nothing closes this (', 1],
  ['a)', 'nothing opens this `)`', 2],
  ['a]', 'nothing opens this ]', 2],
  ['\\s', 'not supported', 1],
  ['\\b', 'not supported', 1],
  ['\\x41', 'not supported', 1],
  ['a\\', 'nothing is behind', 2],
  ['é', 'only printable ASCII', 1],
  ['a\nb', 'only printable ASCII', 2],
  ['a\u0000', 'only printable ASCII', 2],
  ['(((((((((a)))))))))', 'nested deeper', 10],
  ['x'.repeat(257), 'longer than 256', 1],
])('%j is refused: %s', (text, message, column) => {
  const fault = faultOf(text);
  expect(fault?.message).toContain(message);
  expect(fault?.column).toBe(column);
});

test.each([
  '.*',
  '.+',
  '.*Mobile.*',
  '[a-z]+(-[a-z]+)*',
  '[0-9]{4}-[0-9]{2}-[0-9]{2}',
  '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}',
  '.*[.](png|jpg|jpeg)',
  'en|de|fr',
  '(v[0-9]+([.][0-9]+){0,2})?',
  '[^/]+/[^/]+',
])('%s is taken', (text) => {
  expect(faultOf(text)).toBeUndefined();
});

// Expressions over two letters, so that repetitions overlap often.
const expressions = fc.letrec<{ whole: string; atom: string }>((tie) => ({
  atom: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '[^/]'),
    tie('whole').map((inner) => `(${inner})`),
  ),
  whole: fc.oneof(
    { depthSize: 'small' },
    tie('atom'),
    fc.tuple(tie('atom'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}')).map((pair) => pair.join('')),
    fc.tuple(tie('whole'), tie('whole')).map((pair) => pair.join('')),
    fc.tuple(tie('whole'), tie('whole')).map((pair) => pair.join('|')),
  ),
})).whole;
const texts = fc
  .array(fc.constantFrom('a', 'b', '/', 'é'), { maxLength: 8 })
  .map((letters) => letters.join(''));

test('an expression and its printed form match the same', () => {
  fc.assert(
    fc.property(expressions, fc.array(texts, { minLength: 5, maxLength: 20 }), (text, values) => {
      let parsed;
      try {
        parsed = parseExpression(text);
      } catch (error) {
        return error instanceof SyntaxFault;
      }
      const printed = printExpression(parsed.expression, false);
      expect(canonical(printed)).toBe(printed);
      for (const value of values) {
        expect(new RegExp(`^(?:${printed})$`).test(value)).toBe(new RegExp(`^(?:${text})$`).test(value));
      }
      return true;
    }),
    { numRuns: 1_000 },
  );
});

test('what is taken is matched in time proportional to the text, whatever the text', () => {
  let taken = 0;
  fc.assert(
    fc.property(expressions, texts, (text, seed) => {
      if (faultOf(text)) return;
      taken++;
      const regex = new RegExp(`^(?:${canonical(text)})$`);
      // 20,000 characters that nearly match: the square of that would take seconds.
      for (const pump of ['a', 'b', 'ab', `${seed}a`]) {
        const value = `${pump.repeat(Math.ceil(20_000 / pump.length))}!/`;
        // Of the processor: others may have it meanwhile.
        const began = process.cpuUsage();
        regex.test(value);
        expect(process.cpuUsage(began).user / 1000).toBeLessThan(500);
      }
    }),
    { numRuns: 500 },
  );
  expect(taken).toBeGreaterThan(100);
});
