import { createColors } from 'picocolors';
import { renderTable } from './table';

const colors = createColors(false);

test('for people: columns under a heading, colours not counted', () => {
  const green = createColors(true).green('ready');
  expect(
    renderTable(
      [
        ['node-1', green, 'x'],
        ['n', 'lost', ''],
      ],
      { heading: ['NAME', 'STATE', 'Y'], colors },
    ),
  ).toEqual(['NAME    STATE  Y', `node-1  ${green}  x`, 'n       lost']);
});

test('for programs: cells apart by tabs, one row a line', () => {
  expect(renderTable([['a b', 'c\td\ne']], { colors })).toEqual(['a b\tc d e']);
});

test('nothing at all of no rows', () => {
  expect(renderTable([], { heading: ['NAME'], colors })).toEqual([]);
});
