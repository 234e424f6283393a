import { InvalidError } from '../../base/errors';
import { ApiHarness } from '../../testing/api-harness';
import {
  apply,
  type Desired,
  factorsIn,
  formationOf,
  linesOf,
  processes,
  shop,
  with_,
} from '../../testing/apply-rig';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
});
afterEach(() => api.close());

describe('factors', () => {
  const worker0 = { release: shop.release, factors: { worker: 0 } };

  test('that are left out stay, also at none; new processes begin with one', async () => {
    await apply(api, with_({ factors: { web: 3, worker: 0 } }));
    const made = await apply(api, { ...processes({ mail: { command: ['mail'] } }) });
    expect(made.rollout?.spec?.factors).toEqual({ web: 3, mail: 1 });
  });

  test('of a process that was scaled to none by hand stay there', async () => {
    await api.shop();
    const scale = (factors: Record<string, number>) =>
      api.client.scales.updateScale({
        scale: { metadata: { formation: 'shop', name: 'v1' }, spec: { factors } },
        updateMask: Object.keys(factors).map((name) => `factors.${name}`),
      });
    await scale({ web: 2 });
    await scale({ web: 0 });
    await apply(api, shop);
    expect(await factorsIn(api)).toEqual({ v1: { worker: 1 } });
  });

  test('of a service that may be scaled to none begin there', async () => {
    await apply(api, { ...worker0, formation: { scaling: { web: { min: 0, max: 2 } } } });
    expect(await factorsIn(api)).toEqual({});
  });

  test('change straight away where one release runs, and only those that are named', async () => {
    await apply(api, shop);
    const made = await apply(api, with_({ factors: { web: 3 } }));
    expect(linesOf(made)).toEqual(['~ scale web 1 → 3']);
    expect(await factorsIn(api)).toEqual({ v1: { web: 3, worker: 1 } });
  });

  test.each<[string, Desired, new (message: string) => Error, string]>([
    ['an unknown process', { factors: { wbe: 1 } }, InvalidError, 'did you mean "web"?'],
    ['too many', { factors: { web: 100_001 } }, InvalidError, 'scale factor of web is 100,001'],
    ['more than the limit', { factors: { web: 1_001 } }, Error, 'over its limit of 1,000'],
    [
      'more than the new limit',
      { factors: { web: 3 }, formation: { limits: { maxInstances: 2 } } },
      Error,
      'over its limit of 2',
    ],
  ])('of %s are refused', async (_, over, type, message) => {
    const refused = apply(api, with_(over));
    await expect(refused).rejects.toThrow(type);
    await expect(refused).rejects.toThrow(message);
    expect(await formationOf(api)).toBeUndefined();
  });
});
