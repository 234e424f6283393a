import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expressionChecker } from './expression';
import { variableTypes } from './variables';

const text = readFileSync(join(__dirname, '../../docs/placement.md'), 'utf8');

/** All matches of the pattern's first group. */
function found(pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] as string);
}

describe('docs/placement.md', () => {
  test.each(found(/requirement `([^`]+)`/g))('requirement %s is one', (expression) => {
    expect(expressionChecker.requirement(expression)).toBeUndefined();
  });

  test.each(found(/rank\s+`([^`]+)`/g))('rank %s is one', (expression) => {
    expect(expressionChecker.rank(expression)).toBeUndefined();
  });

  test('shows every variable', () => {
    const shown = found(/^\| (`[^|]+) \| +(?:string|int|map<string, string>) +\|/gm)
      .flatMap((cell) => cell.split(','))
      .map((name) => name.replace(/[`\s]/g, ''));
    expect(shown.sort()).toEqual(Object.keys(variableTypes).sort());
  });

  test('quotes the errors as they are', () => {
    expect(text).toContain(
      `column 11: ${expressionChecker.requirement('tags.disk = "ssd"')?.split(': ', 2)[1]}`,
    );
    expect(text).toContain(`rank "-ncnt": ${expressionChecker.rank('-ncnt')}`);
    expect(expressionChecker.requirement('tags.disk = "ssd"')).toMatch(/^column 11: /);
  });
});
