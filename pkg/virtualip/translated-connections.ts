import type { AddressRange } from './address-range';
import type { ConnectionTable, OpenConnections } from './connections';
import type { Translation } from './translation';

/**
 * Those of the kernel's connection table, which knows what nftables has translated, and those that were translated where
 * they were made, of which that knows nothing.
 */
export class TranslatedConnections implements ConnectionTable {
  constructor(
    private readonly table: ConnectionTable,
    private readonly translation: Pick<Translation, 'open'>,
  ) {}

  async open(range: AddressRange): Promise<readonly OpenConnections[] | undefined> {
    const [known, translated] = await Promise.all([this.table.open(range), this.translation.open()]);
    if (!known) return undefined;
    const pairs = new Map<string, OpenConnections>();
    for (const one of [...known, ...translated]) {
      const key = `${one.virtual} ${one.target}`;
      pairs.set(key, { ...one, count: one.count + (pairs.get(key)?.count ?? 0) });
    }
    return [...pairs.values()];
  }
}
