import type { Colors } from './instance-line';

/**
 * Rows for people: aligned columns under a heading. For programs (`heading` absent): the cells of a row apart by tabs,
 * so that `cut -f2` and awk work. Cells may have colours; the last column is as wide as it is.
 */
export function renderTable(
  rows: readonly (readonly string[])[],
  options: { readonly heading?: readonly string[]; readonly colors: Colors },
): string[] {
  const { heading, colors } = options;
  if (rows.length === 0) return [];
  if (!heading) return rows.map((row) => row.map((cell) => cell.replace(/[\t\n]+/g, ' ')).join('\t'));
  const shown = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...shown.map((row) => width(row[column] ?? ''))));
  const align = (row: readonly string[]) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd();
  return [colors.bold(align(heading)), ...rows.map(align)];
}

function width(cell: string): number {
  return [...cell.replace(/\u001b\[\d+m/g, '')].length;
}
