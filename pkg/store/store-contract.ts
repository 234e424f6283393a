import { electionsContract } from './contract/elections.contract';
import { leasesContract } from './contract/leases.contract';
import { readsContract } from './contract/reads.contract';
import type { StoreHarness } from './contract/support';
import { transactionsContract } from './contract/transactions.contract';
import { watchesContract } from './contract/watches.contract';

/** What every store must do: run by the tests of each implementation, with its own harness for each test. */
export function storeContract(start: () => Promise<StoreHarness>): void {
  jest.setTimeout(30_000);
  let harness: StoreHarness;
  beforeEach(async () => {
    harness = await start();
  });
  afterEach(() => harness.close());

  describe('reads', () => readsContract(() => harness));
  describe('transactions', () => transactionsContract(() => harness));
  describe('watches', () => watchesContract(() => harness));
  describe('leases', () => leasesContract(() => harness));
  describe('elections', () => electionsContract(() => harness));
}
