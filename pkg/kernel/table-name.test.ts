import { tableName } from './table-name';

it('is the stage’s key, in characters that nft takes', () => {
  expect(tableName('shop-prod-1f2e3d4c')).toBe('gilliam_shop_prod_1f2e3d4c');
  expect(tableName('prod-1a2b.x')).toBe('gilliam_prod_1a2b_x');
});
