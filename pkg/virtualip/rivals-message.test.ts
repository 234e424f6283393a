import { tableName } from '../kernel/table-name';
import type { Rival } from './rivals';
import { rivalsMessage } from './rivals-message';

const own = 'gilliam_local_1f2e3d4c';
const both = `and ${own} both have addresses of 198.18.16.0/20 on this machine: take the`;
const byHand = 'as docs/operating.md says of stages that were killed';

describe('what to do about another network that has the same addresses', () => {
  test.each<[string, Pick<Rival, 'name' | 'id'>[], string]>([
    [
      'a stage is taken down, or what is left of it away',
      [{ name: tableName('shop-prod-2-89346744'), id: 7 }],
      `gilliam_shop_prod_2_89346744 ${both} other away, by gilliam down --stage shop-prod-2, or where its data is gone ${byHand}`,
    ],
    [
      'so are several',
      [
        { name: 'gilliam_a_89346744', id: 7 },
        { name: 'gilliam_b_c52e5438', id: 8 },
      ],
      `gilliam_a_89346744, gilliam_b_c52e5438 ${both} others away, by gilliam down --stage a, gilliam down --stage b, or where its data is gone ${byHand}`,
    ],
    [
      'one that is not named after a stage is nobody’s to take down',
      [{ name: 'gilliam_claim', id: 7 }],
      `gilliam_claim ${both} other away, ${byHand}`,
    ],
    [
      'one that is pinned elsewhere is found by the kernel’s number',
      [{ name: undefined, id: 7 }],
      `another network of this kernel (BPF map 7) ${both} other away, ${byHand}`,
    ],
  ])('%s', (_, rivals, message) => expect(rivalsMessage(own, rivals, '198.18.16.0/20')).toBe(message));
});
