// Made once: a comparison that has to make its own takes a hundred times as long.
const collator = new Intl.Collator('en', { numeric: true });

/** For sorting, as people count: 2 before 10, and names after numbers. */
export function compareInstances(a: string, b: string): number {
  if (isOrdinal(a) && isOrdinal(b)) return Number(a) - Number(b);
  return collator.compare(a, b) || (a < b ? -1 : Number(a > b));
}

/** As Gilliam's own instances are called: most of all. */
function isOrdinal(instance: string): boolean {
  return /^[1-9]\d{0,8}$/.test(instance);
}
