import fc from 'fast-check';
import { expressionChecker, Fault, rank, requirement } from './expression';
import type { Variables } from './variables';

const here: Variables = {
  name: 'e1',
  host: 'e1.example',
  domain: 'rack-1',
  tags: new Map([
    ['zone', 'b'],
    ['weight', '5'],
    ['constructor', 'x'],
  ]),
  ncont: 3n,
  nsame: 1n,
  cpu_free: 500n,
  cpu_total: 4_000n,
  memory_free: 1n << 30n,
  memory_total: 2n << 30n,
};

describe('requirements', () => {
  test.each([
    ['tags.zone == "b"', true],
    ['tags["zone"] != "b"', false],
    ['"zone" in tags', true],
    ['"ssd" in tags', false],
    ['has(tags.ssd) && tags.ssd == "true"', false],
    ['!has(tags.ssd)', true],
    ['tags.constructor == "x"', true],
    ['int(tags.weight) > 4', true],
    ['ncont < 5 && nsame == 1', true],
    ['name in ["e1", "e2"]', true],
    ['domain.startsWith("rack-")', true],
    ['memory_free >= memory_total / 2', true],
    ['tags.exists(key, key == "zone")', true],
    ['tags.all(key, size(key) < 3)', false],
    // One side decides, whether or not the other has a value.
    ['tags.ssd == "true" || ncont == 3', true],
    ['tags.ssd == "true" && ncont == 0', false],
  ])('%s is %s', (text, expected) => {
    expect(requirement(text).violation).toBeUndefined();
    expect(requirement(text).evaluate(here)).toBe(expected);
  });

  test.each([
    ['tags.ssd == "true"', 'tag ssd is not set'],
    ['tags.toString == "x"', 'tag toString is not set'],
    ['int(tags.zone) > 1', 'int() type error: cannot convert to int'],
    ['ncont / (nsame - 1) > 1', 'division by zero'],
    ['9223372036854775807 + ncont > 0', 'integer overflow: 9223372036854775810'],
  ])('%s has no value, for %s', (text, message) => {
    const value = requirement(text).evaluate(here);
    expect(value).toBeInstanceOf(Fault);
    expect((value as Fault).message).toBe(message);
  });
});

describe('ranks', () => {
  test.each([
    ['-ncont', -3],
    ['double(cpu_free) / double(cpu_total)', 0.125],
    ['tags.zone == "b" ? 10 : 0', 10],
    ['int(tags.weight) * 2', 10],
    ['1.0 / 0.0', Infinity],
  ])('%s is %s', (text, expected) => {
    expect(rank(text).evaluate(here)).toBe(expected);
  });

  test('what is not a number has no value', () => {
    expect(rank('0.0 / 0.0').evaluate(here)).toEqual(new Fault('is not a number'));
  });
});

describe('the checker says what is wrong, and where', () => {
  test.each([
    ['', 'is empty: write an expression, or leave it out'],
    ['   ', 'is empty: write an expression, or leave it out'],
    ['tags.ssd = "x"', 'column 10: unexpected =: write == to compare'],
    ['ncont < 5 &&', 'column 13: the expression ends too early'],
    ['ncnt < 5', 'column 1: unknown variable ncnt: did you mean "ncont"?'],
    [
      'ncont <\n  zzzzzzzz',
      'line 2, column 3: unknown variable zzzzzzzz: there are cpu_free, cpu_total, domain, host, memory_free and 5 more',
    ],
    ['ncont', 'column 1: is int, but must be true or false'],
    ['tags.zone', 'column 1: is string, but must be true or false'],
    [
      'cpu_free * 0.5 > 1.0',
      'column 1: int * double is not possible: convert with int(), double() or string()',
    ],
    [
      'name.matches("(a+)+$")',
      'column 1: matches() is not allowed: use startsWith(), endsWith() or contains()',
    ],
    ['tags.all(a, tags.all(b, a == b))', 'column 13: all() within another loop is not allowed'],
    [
      `${'!'.repeat(300)}true`,
      'column 45: is too complex or nested too deep: split it into several requirements',
    ],
    [
      `${'('.repeat(100)}true${')'.repeat(100)}`,
      expect.stringMatching(/^column \d+: is too complex or nested too deep/),
    ],
    [`name == "${'x'.repeat(1_024)}"`, 'has 1034 characters: the limit is 1024'],
  ])('requirement %j: %j', (text, violation) => {
    expect(expressionChecker.requirement(text)).toEqual(violation);
  });

  test.each([
    ['ncont < 5', 'column 1: is bool, but must be a number (int or double)'],
    ['1u', 'column 1: is uint, but must be a number (int or double)'],
    ['-', 'column 2: the expression ends too early'],
  ])('rank %j: %j', (text, violation) => {
    expect(expressionChecker.rank(text)).toBe(violation);
  });

  test.each([
    'cel.bind(x, 1, x == 1)',
    'dyn(1) == 1',
    'type(1) == int',
    '[1].map(x, x) == [1]',
    'name.split("") == []',
  ])('what can grow, bind or evade the types is refused: %s', (text) => {
    expect(expressionChecker.requirement(text)).toMatch(/^column \d+: \w+\(\) is not allowed: use /);
  });

  test('an invalid expression has no value anywhere, and does not throw', () => {
    expect(requirement('ncont <').evaluate(here)).toEqual(
      new Fault('is not a valid expression: column 8: the expression ends too early'),
    );
  });

  test('whatever is written, it is compiled or refused in one line, and evaluated without throwing', () => {
    const token = fc.constantFrom(
      ...[
        'tags',
        '.',
        'zone',
        'ncont',
        'nsame',
        '==',
        '&&',
        '!',
        '(',
        ')',
        '[',
        ']',
        '"a"',
        '1',
        '1.5',
        '-',
        '/',
      ],
      ...[
        '? 1 : 2',
        'has(',
        'size(',
        '.all(x, ',
        'true',
        'null',
        '\n',
        'b"x"',
        '{',
        '}',
        ':',
        ',',
        '__proto__',
        '\\',
      ],
    );
    const text = fc.oneof(
      fc.string({ maxLength: 30 }),
      fc.array(token, { maxLength: 12 }).map((tokens) => tokens.join(' ')),
    );
    fc.assert(
      fc.property(text, (source) => {
        for (const expression of [requirement(source), rank(source)]) {
          if (expression.violation !== undefined) expect(expression.violation).not.toMatch(/\n|^$/);
          expect(['boolean', 'number', 'object']).toContain(typeof expression.evaluate(here));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('a text is compiled once', () => {
    expect(requirement('ncont < 7')).toBe(requirement('ncont < 7'));
  });
});

describe('what an expression reads is known', () => {
  test.each([
    ['tags.zone == "b" && tags["ssd"] == "1"', ['tags'], ['zone', 'ssd']],
    ['ncont + nsame < 5', ['ncont', 'nsame'], []],
    ['tags.exists(k, k == name)', ['tags', 'name'], []],
    ['true', [], []],
  ])('%s', (text, variables, tags) => {
    const { reads } = requirement(text);
    expect([...reads.variables].sort()).toEqual([...variables].sort());
    expect([...reads.tags].sort()).toEqual([...tags].sort());
  });
});
